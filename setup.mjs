// Runs one of the project's programs on Node 24, whatever Node the machine has: `node setup.mjs ENTRY [ARGUMENTS…]`.
// Plain JavaScript for Node 20. Installs the dependencies when they are not what package-lock.json asks for.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAJOR = 24;
const root = dirname(fileURLToPath(import.meta.url));
const modules = join(root, 'node_modules');
const node24 = join(modules, '.bin', 'node');
const record = join(modules, '.package-lock.json');

function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
}

/** Whether node_modules holds what package-lock.json asks for, by the record that npm keeps of its last install. */
function isInstalled() {
  if (!existsSync(record) || !existsSync(node24)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    // The project itself; and packages for other systems are optional and absent.
    if (path === '' || present[path] === undefined) return path === '' || optional === true;
    return present[path].version === version && present[path].integrity === integrity;
  });
}

function install() {
  if (isInstalled()) return;
  process.stderr.write('setup: installing dependencies (once, a few seconds)…\n');
  // ignore-scripts in a user's npmrc would leave out the Node 24 binary, which its package installs in a script.
  const args = ['ci', '--ignore-scripts=false', '--include=dev', '--loglevel=error', '--no-audit', '--no-fund'];
  const npm = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (npm.error) fail(`npm could not be started (${npm.error.message}). Install npm, which comes with Node.js.`);
  if (npm.status !== 0) fail(`"npm ${args.join(' ')}" failed with exit code ${npm.status}. Its own message is above.`);
}

function checkVersion() {
  const seen = spawnSync(node24, ['--version'], { encoding: 'utf8' });
  if (seen.status === 0 && seen.stdout.startsWith(`v${MAJOR}.`)) return;
  fail(
    `Node ${MAJOR} is not in node_modules (found: ${seen.stdout?.trim() || 'nothing'}). ` +
      'Delete the folder node_modules and run the command again; npm 12 needs "allowScripts": {"node": true} in package.json.',
  );
}

const [entry, ...rest] = process.argv.slice(2);
if (entry === undefined) fail('usage: node setup.mjs ENTRY [ARGUMENTS…]');
install();
checkVersion();
// The arguments may name files relative to where the user stands; the entry is relative to the project.
const child = spawn(node24, [join(root, entry), ...rest], {
  stdio: 'inherit',
  env: { ...process.env, ISTHMUS_NODE: node24 },
});
// A terminal sends Ctrl-C to the whole process group: passing it on as well would make two of it.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
  process.kill(process.pid, signal);
});
