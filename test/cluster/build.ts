/** Builds the programs of a cluster from Go modules, once, outside the checkout; what is half built is never taken for built. */

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hasCommand } from '../support/debian.ts';
import { ENVTEST_PROGRAMS, type GoModule, moduleOf, PROGRAM_NAMES, type ProgramName } from './programs.ts';

const GO = join(import.meta.dirname, 'go');
/** Seconds between two signs of life: a build that says nothing for minutes looks like one that hangs. */
const SIGN_OF_LIFE_SECONDS = 20;
const ENVIRONMENT = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false', GOWORK: 'off' };

const flagsOf = (module: GoModule): string[] => [
  ...['-mod=readonly', '-trimpath'],
  ...['-ldflags', ['-s', '-w', ...module.linkerFlags].join(' ')],
];

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The module files, which say what is downloaded, and what is written here. */
function sourcesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(go|mod|sum)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** Where the build of exactly these modules with exactly these flags lies, or will. */
function cached(program: ProgramName): string {
  const module = moduleOf(program);
  const hash = createHash('sha256').update(JSON.stringify([flagsOf(module), ENVIRONMENT, process.arch]));
  for (const file of sourcesOf(join(GO, module.folder))) hash.update(readFileSync(file));
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(caches, 'isthmus', `${module.folder}-${hash.digest('hex').slice(0, 16)}`, program);
}

/** The path of a program that is there already: the user's own, or one built before. */
function present(program: ProgramName): string | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const own = assets === undefined ? undefined : join(assets, program);
  return [own, cached(program)].find((path) => path !== undefined && isProgram(path));
}

/** Why these programs cannot be had on this machine, in plain words; undefined when they can. */
export function programObstacle(programs: readonly ProgramName[]): string | undefined {
  const missing = programs.filter((program) => present(program) === undefined);
  const wanted = missing.map((program) => `${program} needs ${goOf(moduleOf(program))}`);
  if (missing.length === 0) return undefined;
  const hint = missing.every((program) => ENVTEST_PROGRAMS.includes(program)) ? ', or set KUBEBUILDER_ASSETS' : '';
  if (!hasCommand('go'))
    return `${missing[0]} is built from Go modules and Go is missing: install it (go.dev/dl)${hint}`;
  const version = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', env: { ...process.env, ...ENVIRONMENT } });
  const have = /\d+(\.\d+)*/.exec(version.stdout)?.[0] ?? '0';
  const tooNew = missing.find((program) => compareVersions(goOf(moduleOf(program)).slice(3), have) > 0);
  if (tooNew === undefined) return undefined;
  return `${wanted[missing.indexOf(tooNew)]}, this machine has Go ${have}: install a newer one (go.dev/dl)${hint}`;
}

const goOf = (module: GoModule): string =>
  `Go ${/^go (.+)$/m.exec(readFileSync(join(GO, module.folder, 'go.mod'), 'utf8'))?.[1] ?? '1'}`;

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number));
  for (let place = 0; place < 3; place += 1) {
    const difference = (a?.[place] ?? 0) - (b?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

// flock: of two runs that start at once one builds and the other finds it built. The name is given to what is whole only.
const BUILD = `
[ -x "$1" ] && exit 0
out=$1; shift
nice go build -o "$out.half" "$@" && mv "$out.half" "$out"
`;

/** The paths of these programs, built now if nobody has built them before; says on stderr what takes so long. */
export async function buildPrograms<Name extends ProgramName>(
  programs: readonly Name[],
): Promise<Record<Name, string>> {
  const paths: [Name, string][] = [];
  for (const program of programs) paths.push([program, present(program) ?? (await build(program))]);
  return Object.fromEntries(paths) as Record<Name, string>;
}

export const buildProgram = async (program: ProgramName): Promise<string> => (await buildPrograms([program]))[program];

async function build(program: ProgramName): Promise<string> {
  const obstacle = programObstacle([program]);
  if (obstacle !== undefined) throw new Error(obstacle);
  const module = moduleOf(program);
  const path = cached(program);
  const folder = join(path, '..');
  mkdirSync(folder, { recursive: true });
  const source = module.programs[program] ?? '';
  const began = Date.now();
  const say = (text: string) => process.stderr.write(`building ${program} … ${text}\n`);
  say('once; minutes when nothing of it has been built before, seconds when most has');
  const signs = setInterval(() => say(`${Math.round((Date.now() - began) / 1000)} s`), SIGN_OF_LIFE_SECONDS * 1000);
  const script = ['sh', '-c', BUILD, 'build', path, ...flagsOf(module), source];
  const code = await new Promise((resolve, reject) => {
    const child = spawn('flock', [join(folder, 'lock'), ...script], {
      cwd: join(GO, module.folder),
      env: { ...process.env, ...ENVIRONMENT },
      stdio: ['ignore', 2, 2],
    });
    child.once('error', reject);
    child.once('exit', resolve);
  }).finally(() => clearInterval(signs));
  if (code !== 0 || !isProgram(path))
    throw new Error(`building ${program} ended with ${code}; go's own words are above`);
  say(`done after ${Math.round((Date.now() - began) / 1000)} s`);
  return path;
}

if (import.meta.main) {
  const built = await buildPrograms(PROGRAM_NAMES);
  for (const path of Object.values(built)) process.stdout.write(`${path}\n`);
}
