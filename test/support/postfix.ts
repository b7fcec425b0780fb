/** A private Postfix on a loopback port with configuration, queue and log of its own; gone, with everything it wrote, when stopped. Needs root. */

import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Running, run, runOrThrow, start } from './child-process.ts';
import { ensurePackages, isRoot } from './debian.ts';
import { freePort } from './free-port.ts';
import { NOBODY, type PostfixOptions, services, settingsAndFiles } from './postfix-settings.ts';

export interface Delivered {
  /** The file's bytes: Return-Path, X-Original-To and Delivered-To put in front of the message as it arrived. */
  readonly bytes: Buffer;
  readonly text: string;
}

export interface Postfix {
  readonly address: string;
  readonly port: number;
  readonly directory: string;
  readonly pid: number;
  /** The mail log so far. */
  log(): string;
  /** Resolves with the first match in the log so far or to come. */
  waitForLog(pattern: RegExp): Promise<RegExpMatchArray>;
  /** What is in a mailbox now, oldest first. */
  mailbox(address: string): Delivered[];
  /** Resolves once at least `count` messages are in the mailbox. */
  waitForMail(address: string, count?: number): Promise<Delivered[]>;
  /** Hands a message to this Postfix's sendmail, as a program on its machine would. */
  submit(reversePath: string, forwardPaths: readonly string[], message: string | Uint8Array): Promise<void>;
  /** The queue as `postqueue -j` prints it, an object a message. */
  queue(): Promise<Record<string, unknown>[]>;
  /** Tries everything queued again now. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The kernel forgets to end the master with us once it has changed users, so a shell that does not is put above it.
 * "postfix start-fg" has such a shell, which leaves the master alone when it ends.
 */
const UNDER_A_SHELL = '"$@" & trap "kill -TERM $!" TERM; wait "$!"; wait "$!"';
const PATIENCE_MS = 30_000;
const LONG_AGO = new Date('2020-01-01');
const POSTFIX_ONLY = 'active bounce corrupt defer deferred flush hold incoming private saved trace'.split(' ');

export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  if (!isRoot) throw new Error('Postfix starts as root only. Run the tests as root.');
  ensurePackages(['postfix']);
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort(address));
  const directory = await makeDirectory();
  const { settings, files } = settingsAndFiles(options, address, directory);
  for (const [name, content] of Object.entries(files)) writeConfiguration(directory, name, content);
  const lines = Object.entries({ ...settings, ...options.settings }).map(([name, value]) => `${name} = ${value}\n`);
  writeConfiguration(directory, 'main.cf', lines.join(''));
  writeConfiguration(directory, 'master.cf', services(address, port, options));
  const daemons = (await runOrThrow('postconf', ['-c', join(directory, 'etc'), '-h', 'daemon_directory'])).trim();
  const command = [join(daemons, 'master'), '-s', '-c', join(directory, 'etc')];
  const master = start('sh', ['-c', UNDER_A_SHELL, 'sh', ...command], { name: 'postfix' });
  try {
    await master.waitForPort(address, port);
  } catch (cause) {
    await stop(master, directory);
    throw cause;
  }
  return handle(master, directory, address, port);
}

async function makeDirectory(): Promise<string> {
  // Every Postfix daemon that gave up root must pass through it.
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-postfix-'));
  chmodSync(directory, 0o755);
  const folder = (name: string, user: number, group: number, mode: number) => {
    mkdirSync(join(directory, name));
    chownSync(join(directory, name), user, group);
    chmodSync(join(directory, name), mode);
  };
  const postfix = Number(await runOrThrow('id', ['-u', 'postfix']));
  const postdrop = Number((await runOrThrow('getent', ['group', 'postdrop'])).split(':')[2]);
  for (const name of ['etc', 'queue', 'queue/pid']) folder(name, 0, 0, 0o755);
  folder('data', postfix, 0, 0o700);
  folder('mail', NOBODY, NOBODY, 0o755);
  for (const name of POSTFIX_ONLY) folder(`queue/${name}`, postfix, 0, 0o700);
  folder('queue/maildrop', postfix, postdrop, 0o730);
  folder('queue/public', postfix, postdrop, 0o710);
  return directory;
}

function writeConfiguration(directory: string, name: string, content: string): void {
  const file = join(directory, 'etc', name);
  writeFileSync(file, content);
  // Postfix reads a file again and again until it is two seconds old, lest it sees one half written.
  utimesSync(file, LONG_AGO, LONG_AGO);
}

function handle(master: Running, directory: string, address: string, port: number): Postfix {
  const log = () => readIfThere(join(directory, 'log'));
  const mailbox = (mail: string): Delivered[] => {
    const folder = join(directory, 'mail', mail, 'new');
    const names = listIfThere(folder).sort();
    return names
      .map((name) => readFileSync(join(folder, name)))
      .map((bytes) => ({ bytes, text: bytes.toString('latin1') }));
  };
  async function until<T>(look: () => T | undefined | null, what: string): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found !== undefined && found !== null) return found;
      if (Date.now() > deadline) throw new Error(`${what} did not happen. Postfix's log:\n${log()}${master.output()}`);
      await delay(20);
    }
  }
  return {
    address,
    port,
    directory,
    pid: master.pid,
    log,
    waitForLog: (pattern) => until(() => log().match(pattern), `${pattern} in the log`),
    mailbox,
    waitForMail: (mail, count = 1) =>
      until(() => (mailbox(mail).length >= count ? mailbox(mail) : undefined), `delivery of ${count} to ${mail}`),
    submit: async (reversePath, forwardPaths, message) => {
      const args = ['-C', join(directory, 'etc'), '-i', '-f', reversePath, '--', ...forwardPaths];
      await runOrThrow('sendmail', args, { input: message });
    },
    queue: async () => {
      const lines = (await runOrThrow('postqueue', ['-c', join(directory, 'etc'), '-j'])).split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    flush: async () => {
      await runOrThrow('postqueue', ['-c', join(directory, 'etc'), '-f']);
    },
    stop: () => stop(master, directory),
  };
}

async function stop(master: Running, directory: string): Promise<void> {
  // "postfix stop" waits for the daemons; killing the master alone leaves them busy with their last client.
  await run('postfix', ['-c', join(directory, 'etc'), 'stop']);
  await master.stop();
  rmSync(directory, { recursive: true, force: true });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function listIfThere(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
