/** Runs a program that starts a cluster inside namespaces of its own; nothing of it is left when it ends, however it ends. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages, isRoot, PATH, PROGRAMS } from '../support/debian.ts';
import { ROOT } from '../support/test-files.ts';
import { NAMESPACE_VARIABLE, UNSHARE } from '../support/unshare.ts';
import { buildPrograms, programObstacle } from './build.ts';
import { removeWithUs } from './left-over.ts';
import type { ProgramName } from './programs.ts';
import { programsOf } from './stage.ts';

export interface Launch {
  /** Its path from the root of the project. */
  readonly program: string;
  /** Its arguments. `folder` is its own, and goes when it ends. */
  arguments(folder: string): readonly string[] | Promise<readonly string[]>;
  /** Debian packages that it needs beside those of the cluster. */
  readonly packages?: readonly string[];
  /** Default: killed, which is the end of everything in there. */
  onSignal?(signal: NodeJS.Signals, child: ChildProcess): void;
}

const PACKAGES = [
  ...['util-linux', 'openssl'],
  ...(PROGRAMS['cluster/nodes/cluster.ts'] ?? []).map((each) => each.package),
];

/** Why it cannot be, in words; undefined when it can. */
function obstacle(programs: readonly ProgramName[], packages: readonly string[]): string | undefined {
  if (!isRoot) return 'nodes need namespaces and control groups: run it as root (with sudo)';
  const missing = installPackages(packages);
  if (missing !== undefined) return `Debian packages ${missing}`;
  const [command, ...args] = UNSHARE;
  const { status, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? programObstacle(programs) : `this machine refuses a namespace (${stderr.trim()})`;
}

/** The value is its exit code. Its standard input has one line: the number by which the world knows its namespaces. */
export async function launch({ program, packages = [], onSignal = kill, ...what }: Launch): Promise<number> {
  const programs = programsOf(program);
  const why = obstacle(programs, [...PACKAGES, ...packages]);
  if (why !== undefined) {
    process.stderr.write(`no cluster: ${why}\n`);
    return 1;
  }
  await buildPrograms(programs);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-launched-'));
  const kept = removeWithUs(folder);
  try {
    const given = await what.arguments(folder);
    const [command, ...args] = [...UNSHARE, process.execPath, join(ROOT, program), ...given];
    const env = { ...process.env, PATH, TMPDIR: folder, [NAMESPACE_VARIABLE]: '1' };
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['pipe', 'inherit', 'inherit'] });
    // Nobody needs to read it.
    child.stdin.on('error', () => {});
    child.stdin.end(`${child.pid}\n`);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => onSignal(signal, child));
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    kept.release();
  }
}

function kill(_signal: NodeJS.Signals, child: ChildProcess): void {
  child.kill('SIGKILL');
}
