/** Starts foreign programs, waits for a line or a port of theirs, keeps their output for failures and stops them by process id. */

import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { hasCommand, PATH } from './debian.ts';

/** How long a program may take to say what is waited for; a loaded two-core machine starts Postfix in about a second. */
const PATIENCE_MS = 20_000;
/** Between two looks at a port that does not answer yet. */
const LOOK_AGAIN_MS = 25;

/** The kernel ends what was started when this process is gone, even killed: a test that dies must leave no server behind. */
export const TIED_TO_US: readonly string[] = hasCommand('setpriv') ? ['setpriv', '--pdeathsig', 'TERM', '--'] : [];

export interface StartOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Named in error messages; default: the command. */
  readonly name?: string;
}

export interface Running {
  readonly pid: number;
  /** Everything written to stdout and stderr so far, in order of arrival. */
  output(): string;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** The first match in the output so far or to come. Rejects with the output when the program ends or takes too long. */
  waitForOutput(pattern: RegExp, milliseconds?: number): Promise<RegExpMatchArray>;
  /** Resolves once the port takes connections. */
  waitForPort(host: string, port: number, milliseconds?: number): Promise<void>;
  /** Sends the signal and waits for the end; SIGKILL after ten seconds. Does nothing when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export function start(command: string, args: readonly string[], options: StartOptions = {}): Running {
  const name = options.name ?? command;
  const [program, ...rest] = [...TIED_TO_US, command, ...args];
  const child = spawn(program ?? command, rest, {
    cwd: options.cwd,
    env: { ...process.env, PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let ended = false;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
      tell();
    });
  }
  const exited = ending(child, () => {
    ended = true;
    tell();
  });
  const failure = (what: string) => new Error(`${name} ${what}. Its output:\n${output || '(none)'}`);

  function waitForOutput(pattern: RegExp, milliseconds = PATIENCE_MS): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(() => reject(failure(`did not write ${pattern} in time`))), milliseconds);
      const finish = (act: () => void) => {
        clearTimeout(timer);
        listeners.delete(look);
        act();
      };
      const look = () => {
        const match = output.match(pattern);
        if (match !== null) finish(() => resolve(match));
        else if (ended) finish(() => reject(failure(`ended without writing ${pattern}`)));
      };
      listeners.add(look);
      look();
    });
  }

  async function waitForPort(host: string, port: number, milliseconds = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (!(await answers(host, port))) {
      if (ended) throw failure(`ended before it listened on ${host}:${port}`);
      if (Date.now() > deadline) throw failure(`does not listen on ${host}:${port}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    if (!ended) child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const end = await exited;
    clearTimeout(killer);
    return end;
  }

  return { pid: child.pid ?? -1, output: () => output, exited, waitForOutput, waitForPort, stop };
}

function ending(child: ChildProcess, tell: () => void): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      child.stderr?.emit('data', `${error.message}\n`);
      tell();
      resolve(127);
    });
    child.once('close', (code, signal) => {
      tell();
      resolve(code ?? signal ?? 1);
    });
  });
}

/** Whether something takes connections there now. */
export function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

export interface Finished {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code; rejects when it cannot be started. */
export function run(
  command: string,
  args: readonly string[],
  options: StartOptions & { readonly input?: string | Uint8Array } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd: options.cwd, env: { ...process.env, PATH, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A program that ends before it has read its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
    child.once('error', (cause) => reject(new Error(`${command} could not be started: ${cause.message}`, { cause })));
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 1, stdout, stderr }));
  });
}

/** Like run(), but an exit code other than 0 is an error that carries the output. */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  options: StartOptions & { readonly input?: string | Uint8Array } = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`"${command} ${args.join(' ')}" ended with ${code}:\n${stderr}${stdout}`);
}
