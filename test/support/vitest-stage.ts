/** Runs vitest over the test files of a stage, perhaps in a network namespace, and says how many tests passed and failed. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { LOGS_VARIABLE } from '../cluster/control-plane.ts';
import { removeWithUs } from '../cluster/left-over.ts';
import { COUNT_FILE_VARIABLE, type TestCount } from './count-reporter.ts';
import { PATH } from './debian.ts';
import { NAMESPACE_VARIABLE, UNSHARE } from './unshare.ts';
import { ROOT } from './test-files.ts';

export interface StageResult {
  readonly passed: number;
  readonly failed: number;
  /** What is wrong beyond the failures that vitest has shown. */
  readonly complaints: readonly string[];
}

export type Stage = 'here' | 'namespace' | 'cluster' | 'nodes';

// In a namespace all files use the same addresses and port 25. Control planes, on ports of their own, run two at a time like
// everything else: their tests mostly wait.
const ONE_AFTER_ANOTHER = ['--no-file-parallelism'];
// Limits that only a test which hangs meets: pods start, nodes are lost and found lost, leases run out.
const PATIENT = ['--testTimeout=180000', '--hookTimeout=300000'];

const STAGES: Readonly<Record<Stage, { unshared: boolean; clusters: boolean; args: readonly string[] }>> = {
  here: { unshared: false, clusters: false, args: [] },
  namespace: { unshared: true, clusters: false, args: ONE_AFTER_ANOTHER },
  cluster: { unshared: false, clusters: true, args: PATIENT },
  nodes: { unshared: true, clusters: true, args: [...ONE_AFTER_ANOTHER, ...PATIENT] },
};

/** Every named file must be seen: a run that looked at less than it was told to is a failure. */
export async function runVitest(files: readonly string[], stage: Stage): Promise<StageResult> {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-tests-'));
  const kept = removeWithUs(directory);
  const countFile = join(directory, 'count.json');
  const reporters = ['--reporter=default', '--reporter=./test/support/count-reporter.ts'];
  const { unshared, clusters, args: order } = STAGES[stage];
  const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...order, ...reporters, ...files];
  const [command = '', ...args] = unshared ? [...UNSHARE, ...vitest] : vitest;
  const env: NodeJS.ProcessEnv = { ...process.env, PATH, [COUNT_FILE_VARIABLE]: countFile };
  if (unshared) env[NAMESPACE_VARIABLE] = '1';
  // Whoever would remove a cluster's folder when its test is killed dies with the namespace; here it goes in any case.
  if (stage === 'nodes') env['TMPDIR'] = directory;
  const logs = clusters && env[LOGS_VARIABLE] === undefined ? mkdtempSync(join(tmpdir(), 'isthmus-logs-')) : undefined;
  if (logs !== undefined) env[LOGS_VARIABLE] = logs;
  const code = await toTheEnd(command, args, env, unshared ? 'SIGKILL' : undefined);
  const count = readCount(countFile);
  rmSync(directory, { recursive: true, force: true });
  kept.release();
  const result = judge(files, count, code);
  if (logs === undefined) return result;
  if (result.failed > 0 && readdirSync(logs).length > 0)
    return {
      ...result,
      complaints: [...result.complaints, `${files.join(' ')}: what its servers wrote is in ${logs}`],
    };
  rmSync(logs, { recursive: true, force: true });
  return result;
}

/** A signal to us is passed on, as `instead` where the command would not listen to another. */
function toTheEnd(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  instead: NodeJS.Signals | undefined,
): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] });
    const pass = (signal: NodeJS.Signals) => child.kill(instead ?? signal);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
    child.once('error', (cause) => reject(new Error(`${command} could not be started: ${cause.message}`, { cause })));
    child.once('exit', (code, signal) => {
      for (const name of ['SIGTERM', 'SIGHUP'] as const) process.removeListener(name, pass);
      resolve(code ?? signal ?? 1);
    });
  });
}

function readCount(file: string): TestCount | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TestCount;
  } catch {
    return undefined;
  }
}

export function judge(
  files: readonly string[],
  count: TestCount | undefined,
  code: number | NodeJS.Signals,
): StageResult {
  if (count === undefined) {
    return { passed: 0, failed: 1, complaints: [`vitest ended with ${code} before it could say what it had run`] };
  }
  const seen = new Set(count.files.map((file) => relative(ROOT, file)));
  const complaints = files.filter((file) => !seen.has(file)).map((file) => `${file} was not run`);
  const { passed } = count;
  const failed = count.failed + complaints.length;
  if (code === 0 || failed > 0) return { passed, failed, complaints };
  return { passed, failed: 1, complaints: [`vitest ended with ${code} though no test failed`] };
}
