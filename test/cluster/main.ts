/**
 * `npm run cluster`: a real cluster on this machine with the chart, the samples and their mail systems on it, until Ctrl-C. It
 * lives in namespaces of its own and leaves nothing behind.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages, isRoot, PATH, PROGRAMS } from '../support/debian.ts';
import { ROOT } from '../support/test-files.ts';
import { NAMESPACE_VARIABLE, UNSHARE } from '../support/unshare.ts';
import { buildPrograms, programObstacle } from './build.ts';
import { testedImages } from './fleet/images.ts';
import { removeWithUs } from './left-over.ts';
import type { ProgramName } from './programs.ts';
import { programsOf } from './stage.ts';

const INSIDE = 'test/cluster/nodes/showcase.ts';
/** What the cluster needs from Debian, and swaks to send the first mail with. */
const PACKAGES = [
  'util-linux',
  'openssl',
  'swaks',
  ...(PROGRAMS['cluster/nodes/cluster.ts'] ?? []).map((each) => each.package),
];

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Why it cannot be, in words; undefined when it can. */
function obstacle(programs: readonly ProgramName[]): string | undefined {
  if (!isRoot) return 'nodes need namespaces and control groups: run it as root (sudo npm run cluster)';
  const missing = installPackages(PACKAGES);
  if (missing !== undefined) return `Debian packages ${missing}`;
  const [command, ...args] = UNSHARE;
  const { status, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? programObstacle(programs) : `this machine refuses a namespace (${stderr.trim()})`;
}

/** The cluster's life; its exit code. */
function live(folder: string, images: readonly string[]): Promise<number> {
  const [command, ...args] = [...UNSHARE, process.execPath, join(ROOT, INSIDE), folder, ...images];
  const env = { ...process.env, PATH, TMPDIR: folder, [NAMESPACE_VARIABLE]: '1' };
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['pipe', 'inherit', 'inherit'] });
  // From inside a namespace nobody knows by which number the world knows it.
  child.stdin.end(`${child.pid}\n`);
  // Ctrl-C reaches everybody of the terminal; what is sent to us alone is passed on as the end of the first process there.
  const pass = () => {
    for (const pid of childrenOf(child.pid ?? 0)) process.kill(pid, 'SIGTERM');
  };
  process.on('SIGINT', () => process.stdin.isTTY || pass());
  process.on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

async function main(): Promise<number> {
  const programs = programsOf(INSIDE);
  const why = obstacle(programs);
  if (why !== undefined) {
    say(`no cluster: ${why}`);
    return 1;
  }
  await buildPrograms(programs);
  say('making the images …');
  const images = await testedImages();
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-show-'));
  const kept = removeWithUs(folder);
  try {
    return await live(folder, images);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    kept.release();
  }
}

process.exitCode = await main();
