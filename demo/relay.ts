/** Runs the relay as a program of its own, as a user would start it, and keeps what it writes in a file. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export interface Relay {
  readonly logFile: string;
  /** Changes its manifests and waits until what they say now is in force. Resolves with milliseconds. */
  changed(change: () => void): Promise<number>;
  /** Resolves with the exit code, or undefined when a signal ended it. */
  stop(): Promise<number | undefined>;
}

export interface RelaySettings {
  readonly root: string;
  readonly folder: string;
  readonly manifests: readonly string[];
  readonly port: number;
  readonly metricsPort: number;
}

/** A cold start of Node on a slow machine takes seconds, not a minute. */
const PATIENCE_MS = 60_000;
const POLL_MS = 25;

export async function startRelay(settings: RelaySettings): Promise<Relay> {
  const logFile = join(settings.folder, 'relay.log');
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, commandLine(settings), { cwd: settings.root, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = once(child, 'exit').then(() => {});
  await Promise.race([untilReady(settings.metricsPort), ended]);
  if (hasEnded(child)) throw new Error(`the relay ended at its start; it wrote:\n${readFileSync(logFile, 'utf8')}`);
  return {
    logFile,
    changed: async (change) => {
      const before = await revision(settings.metricsPort);
      const start = performance.now();
      change();
      await until('the change was not in force', async () => (await revision(settings.metricsPort)) !== before);
      return performance.now() - start;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode ?? undefined;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function commandLine({ root, folder, manifests, port, metricsPort }: RelaySettings): string[] {
  return [
    join(root, 'cli', 'main.ts'),
    'relay',
    ...manifests.flatMap((manifest) => ['--manifests', manifest]),
    ...['--listen', `127.0.0.1:${port}`],
    ...['--metrics', `127.0.0.1:${metricsPort}`],
    ...['--data', join(folder, 'data')],
  ];
}

async function untilReady(metricsPort: number): Promise<void> {
  await until('the relay was not ready', async () => {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/readyz`).catch(() => undefined);
    return answer?.ok === true;
  });
}

/** Of the manifests that are in force. */
async function revision(metricsPort: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${metricsPort}/status`);
  const status = (await answer.json()) as { readonly revision: string };
  return status.revision;
}

async function until(failure: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (await condition()) return;
    await wait(POLL_MS);
  }
  throw new Error(`${failure} within ${PATIENCE_MS / 1000} seconds`);
}
