/** A private Postfix on a loopback port with configuration, queue and log of its own; gone, with everything it wrote, when stopped. Needs root. */

import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Running, run, runOrThrow, start } from './child-process.ts';
import { ensurePackages, isRoot } from './debian.ts';
import { freePort } from './free-port.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface PostfixOptions {
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  /** As next hop: takes exactly these addresses into maildirs and refuses others of their domains with 550 5.1.1. */
  readonly mailboxes?: readonly string[];
  /** As next hop: takes every address of these domains and passes the mail on. */
  readonly relay?: { readonly domains: readonly string[]; readonly to: Target };
  /** As sender: everything from loopback that is not taken by the above is sent there. */
  readonly relayHost?: Target;
  /** As before-queue proxy: every transaction is played to this server before it is answered; nothing is queued. */
  readonly proxyTo?: Target;
  /** Offers STARTTLS (`may`) or demands it (`encrypt`). With `ca`, clients' certificates are asked for and checked. */
  readonly tls?: { certificate: string; key: string; ca?: string; level?: 'may' | 'encrypt' };
  /** Further lines of main.cf; they win. */
  readonly settings?: Readonly<Record<string, string>>;
}

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

// Owner of the delivered mail: nobody, on every Debian.
const NOBODY = 65_534;
const PATIENCE_MS = 30_000;
const LONG_AGO = new Date('2020-01-01');
const POSTFIX_ONLY = 'active bounce corrupt defer deferred flush hold incoming private saved trace'.split(' ');

export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  if (!isRoot) throw new Error('Postfix starts as root only. Run the tests as root.');
  ensurePackages(['postfix']);
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort(address));
  const directory = await makeDirectory();
  const { settings, files } = configuration(options, address, directory);
  for (const [name, content] of Object.entries(files)) writeConfiguration(directory, name, content);
  const lines = Object.entries({ ...settings, ...options.settings }).map(([name, value]) => `${name} = ${value}\n`);
  writeConfiguration(directory, 'main.cf', lines.join(''));
  writeConfiguration(directory, 'master.cf', services(address, port, options));
  const master = start('postfix', ['-c', join(directory, 'etc'), 'start-fg'], { name: 'postfix' });
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
  // Spares the start its integrity check; the folders above are what it would have made.
  writeFileSync(join(directory, 'queue', 'quick-start'), '');
  return directory;
}

function writeConfiguration(directory: string, name: string, content: string): void {
  const file = join(directory, 'etc', name);
  writeFileSync(file, content);
  // Postfix reads a file again and again until it is two seconds old, lest it sees one half written.
  utimesSync(file, LONG_AGO, LONG_AGO);
}

function configuration(options: PostfixOptions, address: string, directory: string) {
  const files: Record<string, string> = {};
  const settings: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: join(directory, 'queue'),
    data_directory: join(directory, 'data'),
    maillog_file: join(directory, 'log'),
    maillog_file_prefixes: directory,
    inet_interfaces: address,
    inet_protocols: address.includes(':') ? 'ipv6' : 'ipv4',
    myhostname: options.hostname ?? 'postfix.example',
    mydestination: '',
    alias_maps: '',
    local_recipient_maps: '',
    mynetworks: '127.0.0.0/8 [::1]/128 198.51.100.0/24',
    smtpd_peername_lookup: 'no',
    smtp_host_lookup: 'native',
    smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
    // A test must not wait for the pauses that slow strangers down, nor for the pacing that spares a busy disk.
    smtpd_error_sleep_time: '0',
    in_flow_delay: '0',
    minimal_backoff_time: '5s',
    queue_run_delay: '5s',
  };
  if (options.mailboxes !== undefined) {
    const domains = new Set(options.mailboxes.map((mailbox) => mailbox.slice(mailbox.lastIndexOf('@') + 1)));
    files['mailboxes'] = options.mailboxes.map((mailbox) => `${mailbox} ${mailbox}/\n`).join('');
    Object.assign(settings, {
      virtual_mailbox_domains: [...domains].join(', '),
      virtual_mailbox_maps: `texthash:${join(directory, 'etc', 'mailboxes')}`,
      virtual_mailbox_base: join(directory, 'mail'),
      virtual_uid_maps: `static:${NOBODY}`,
      virtual_gid_maps: `static:${NOBODY}`,
      virtual_mailbox_limit: '0',
      message_size_limit: '157286400',
    });
  }
  if (options.relay !== undefined) {
    settings['relay_domains'] = options.relay.domains.join(', ');
    settings['relay_transport'] = `smtp:${bracketed(options.relay.to)}`;
  }
  if (options.relayHost !== undefined) settings['relayhost'] = bracketed(options.relayHost);
  if (options.tls !== undefined) {
    Object.assign(settings, {
      smtpd_tls_security_level: options.tls.level ?? 'may',
      smtpd_tls_cert_file: options.tls.certificate,
      smtpd_tls_key_file: options.tls.key,
      smtpd_tls_loglevel: '1',
      smtpd_tls_received_header: 'yes',
    });
    if (options.tls.ca !== undefined) {
      settings['smtpd_tls_CAfile'] = options.tls.ca;
      settings['smtpd_tls_ask_ccert'] = 'yes';
    }
  }
  return { settings, files };
}

const bracketed = (target: Target) => `[${target.host}]:${target.port}`;

function services(address: string, port: number, options: PostfixOptions): string {
  const proxy = options.proxyTo === undefined ? '' : ` -o smtpd_proxy_filter=${bracketed(options.proxyTo)}`;
  const listen = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `${listen} inet n - n - - smtpd${proxy}
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
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
