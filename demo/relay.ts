/** Runs the relay as a program of its own, as a user would start it, and keeps what it writes in a file. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export interface Relay {
  readonly logFile: string;
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
const START_PATIENCE_MS = 60_000;
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
  const deadline = performance.now() + START_PATIENCE_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await wait(POLL_MS);
  }
  throw new Error(`the relay was not ready within ${START_PATIENCE_MS / 1000} seconds`);
}
