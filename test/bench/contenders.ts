/** What is measured side by side: the client straight to the sink, Postfix as before-queue proxy, and Isthmus; each started for real. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { certificateFolder, type Identity } from '../support/certificates.ts';
import { TIED_TO_US } from '../support/child-process.ts';
import { freePort } from '../support/free-port.ts';
import { startPostfix } from '../support/postfix.ts';
import { ROOT } from '../support/test-files.ts';
import { writeManifests } from './manifests.ts';

export interface Contender {
  readonly name: string;
  readonly port: number;
  /** Root of its processes; undefined: it has none. */
  readonly pid: number | undefined;
  /** Whether envelopes leave it rewritten. */
  readonly rewrites: boolean;
  stop(): Promise<void>;
}

export interface Variant {
  readonly sinkPort: number;
  readonly tls: Identity | undefined;
  readonly dkim: boolean;
  /** Options added to `isthmus relay`. */
  readonly relayOptions: readonly string[];
  /** Folder for a CPU profile of Isthmus, to be opened in a browser's developer tools; undefined: none is taken. */
  readonly profile: string | undefined;
}

export const direct = ({ sinkPort }: Variant): Contender => ({
  name: 'client straight to sink',
  port: sinkPort,
  pid: undefined,
  rewrites: false,
  stop: () => Promise.resolve(),
});

/** Postfix set up for this and nothing else: no lookups of clients, no counting of them, a process for every connection. */
export async function postfixProxy({ sinkPort, tls }: Variant): Promise<Contender> {
  const postfix = await startPostfix({
    proxyTo: { host: '127.0.0.1', port: sinkPort },
    ...(tls === undefined ? {} : { tls: { certificate: tls.certificateFile, key: tls.keyFile } }),
    settings: {
      default_process_limit: '200',
      smtpd_client_connection_count_limit: '0',
      smtpd_client_connection_rate_limit: '0',
      smtpd_relay_restrictions: 'permit_mynetworks, reject',
      smtpd_recipient_restrictions: '',
      smtpd_reject_unlisted_recipient: 'no',
      receive_override_options: 'no_address_mappings, no_unknown_recipient_checks',
      message_size_limit: '157286400',
      smtpd_tls_loglevel: '0',
    },
  });
  return {
    name: 'Postfix before-queue proxy',
    port: postfix.port,
    pid: postfix.pid,
    rewrites: false,
    stop: () => postfix.stop(),
  };
}

/** As many processes as the machine has cores, as Postfix has one a connection. */
export function isthmusWorkers(variant: Variant): Promise<Contender> {
  const workers = `--workers=${cpus().length}`;
  return isthmus({ ...variant, relayOptions: [...variant.relayOptions, workers] }, 'Isthmus, a worker a core');
}

export async function isthmus(variant: Variant, name = 'Isthmus'): Promise<Contender> {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  const manifests = join(directory, 'manifests');
  mkdirSync(manifests);
  writeManifests(manifests, variant.sinkPort, variant.dkim);
  const [port, metrics] = [await freePort(), await freePort()];
  const listen = ['--listen', `127.0.0.1:${port}`, '--metrics', `127.0.0.1:${metrics}`];
  const { tls } = variant;
  const certificate = tls === undefined ? [] : ['--tls-cert', tls.certificateFile, '--tls-key', tls.keyFile];
  const folders = ['--manifests', manifests, '--data', join(directory, 'data')];
  const profile = variant.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${variant.profile}`];
  const args = [...profile, 'cli/main.ts', 'relay', ...folders, ...listen, ...certificate, ...variant.relayOptions];
  // Tracking goes to a file, as Postfix's log does.
  const log = join(directory, 'log');
  const file = openSync(log, 'w');
  const [program = '', ...rest] = [...TIED_TO_US, process.execPath, ...args];
  const child = spawn(program, rest, { cwd: ROOT, stdio: ['ignore', file, file] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    // Twice ends it at once; there is nothing to drain here.
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(metrics, () => child.exitCode !== null, log);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { name, port, pid: child.pid, rewrites: true, stop };
}

async function untilReady(port: number, hasEnded: () => boolean, log: string): Promise<void> {
  // 50,000 rows are read and compiled first.
  const deadline = Date.now() + 60_000;
  while (!hasEnded() && Date.now() < deadline) {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await delay(50);
  }
  throw new Error(`Isthmus did not become ready. Its log begins:\n${readFileSync(log, 'utf8').slice(0, 3000)}`);
}

/** A certificate for the receiving side, when the scenario has TLS. */
export async function makeCertificate(): Promise<{ identity: Identity; remove: () => void }> {
  const folder = certificateFolder();
  const authority = await folder.authority('Benchmark');
  const identity = await authority.issue({ names: ['relay.shared.example'], usage: ['serverAuth'] });
  return { identity, remove: () => folder.remove() };
}
