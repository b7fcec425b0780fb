/** The folder of a private Postfix: configuration, queue, log and mailboxes; made, and read while somebody runs Postfix in it. */

import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runOrThrow } from './child-process.ts';
import { NOBODY, type PostfixOptions, services, settingsAndFiles } from './postfix-settings.ts';

export interface Delivered {
  /** The file's bytes: Return-Path, X-Original-To and Delivered-To put in front of the message as it arrived. */
  readonly bytes: Buffer;
  readonly text: string;
}

export interface PostfixReader {
  /** The mail log so far. */
  log(): string;
  /** Resolves with the first match in the log so far or to come. */
  waitForLog(pattern: RegExp): Promise<RegExpMatchArray>;
  /** What is in a mailbox now, oldest first. */
  mailbox(address: string): Delivered[];
  /** Resolves once at least `count` messages are in the mailbox. */
  waitForMail(address: string, count?: number): Promise<Delivered[]>;
}

const PATIENCE_MS = 30_000;
const LONG_AGO = new Date('2020-01-01');
const POSTFIX_ONLY = 'active bounce corrupt defer deferred flush hold incoming private saved trace'.split(' ');

/** A folder from which an instance can be started that listens on this address and port. */
export async function layOut(options: PostfixOptions, address: string, port: number): Promise<string> {
  const directory = await makeDirectory();
  const { settings, files } = settingsAndFiles(options, address, directory);
  for (const [name, content] of Object.entries(files)) writeConfiguration(directory, name, content);
  const lines = Object.entries({ ...settings, ...options.settings }).map(([name, value]) => `${name} = ${value}\n`);
  writeConfiguration(directory, 'main.cf', lines.join(''));
  writeConfiguration(directory, 'master.cf', services(address, port, options));
  return directory;
}

/** Runs the instance of that folder in the foreground; `first`: as the first process of a container. */
export async function masterCommand(directory: string, first = false): Promise<string[]> {
  const daemons = (await runOrThrow('postconf', ['-c', join(directory, 'etc'), '-h', 'daemon_directory'])).trim();
  return [join(daemons, 'master'), first ? '-i' : '-s', '-c', join(directory, 'etc')];
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

/** `output`: what else tells why something did not happen. */
export function readerOf(directory: string, output: () => string): PostfixReader {
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
      if (Date.now() > deadline) throw new Error(`${what} did not happen. Postfix's log:\n${log()}${output()}`);
      await delay(20);
    }
  }
  return {
    log,
    waitForLog: (pattern) => until(() => log().match(pattern), `${pattern} in the log`),
    mailbox,
    waitForMail: (mail, count = 1) =>
      until(() => (mailbox(mail).length >= count ? mailbox(mail) : undefined), `delivery of ${count} to ${mail}`),
  };
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
