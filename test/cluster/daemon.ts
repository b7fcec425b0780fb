/** A server of the cluster: writes its log to a file, dies with us even when we are killed, and is looked after by process id. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { hasCommand, PATH } from '../support/debian.ts';

export interface DaemonOptions {
  readonly log: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the command, as `nsenter` with its arguments. */
  readonly inside?: readonly string[];
}

export interface Daemon {
  readonly pid: number;
  readonly log: () => string;
  readonly ended: () => boolean;
  /** Kills it and waits for its end; nothing when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

// KILL, not TERM: an API server that is asked politely waits for its watches. Nothing here holds what must be kept.
const TIED_TO_US = hasCommand('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];

export function startDaemon(command: string, args: readonly string[], options: DaemonOptions): Daemon {
  // The kernel's signal at the parent's death reaches one generation: nsenter, which forks, is tied to us and the server to it.
  const entry = options.inside === undefined ? [] : [...TIED_TO_US, ...options.inside];
  const [program = command, ...rest] = [...entry, ...TIED_TO_US, command, ...args];
  const log = openSync(options.log, 'a');
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: { ...process.env, PATH, ...options.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let over = false;
  const end = ending(child).then(() => {
    over = true;
  });
  return {
    pid: child.pid ?? -1,
    log: () => readFileSync(options.log, 'utf8'),
    ended: () => over,
    signal: (signal) => void child.kill(signal),
    kill: async (signal = 'SIGKILL') => {
      if (!over) child.kill(signal);
      await end;
    },
  };
}

function ending(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}

/** Asks again and again until it is so; the error says what was waited for, and `detail` what is known. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { seconds = 30, every = 50, detail = () => '' }: { seconds?: number; every?: number; detail?: () => string } = {},
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what}: not so after ${seconds} s. ${detail()}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
