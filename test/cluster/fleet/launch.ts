/** Runs a program that starts a fleet of its own inside namespaces of its own; nothing of it is left when it ends. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages, isRoot, PATH, PROGRAMS } from '../../support/debian.ts';
import { ROOT } from '../../support/test-files.ts';
import { NAMESPACE_VARIABLE, UNSHARE } from '../../support/unshare.ts';
import { buildPrograms } from '../build.ts';
import { programsOf } from '../stage.ts';

const PACKAGES = [
  ...['util-linux', 'openssl'],
  ...(PROGRAMS['cluster/nodes/cluster.ts'] ?? []).map((each) => each.package),
];

/** Why it cannot be, in words; undefined when it can. */
function obstacle(): string | undefined {
  if (!isRoot) return 'nodes need namespaces and control groups: run it as root';
  const missing = installPackages(PACKAGES);
  if (missing !== undefined) return `Debian packages ${missing}`;
  const [command, ...args] = UNSHARE;
  const { status, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `this machine refuses a namespace (${stderr.trim()})`;
}

/** `program`: its path from the root of the project. The value is its exit code. */
export async function launch(program: string, args: readonly string[]): Promise<number> {
  const why = obstacle();
  if (why !== undefined) {
    process.stderr.write(`no cluster: ${why}\n`);
    return 1;
  }
  await buildPrograms(programsOf(program));
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-fleet-'));
  const [command, ...before] = [...UNSHARE, process.execPath, join(ROOT, program)];
  const env = { ...process.env, PATH, TMPDIR: folder, [NAMESPACE_VARIABLE]: '1' };
  const child = spawn(command, [...before, ...args], { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] });
  // Its end is the end of everything in there.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'));
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
