/** HAProxy in front of relays: passes TCP connections on, says whose they are by the PROXY protocol, and checks who is alive. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Running, start } from './child-process.ts';
import { ensurePackages } from './debian.ts';
import { freePort } from './free-port.ts';

export interface HaproxyOptions {
  /** `host:port` of each relay. */
  readonly servers: readonly string[];
  /** Which PROXY protocol each connection, and each check, begins with; default: version 1. */
  readonly header?: 'send-proxy' | 'send-proxy-v2' | 'none';
  /** The address that connections to relays come from; default: as the system chooses. */
  readonly source?: string;
  /** Checks by EHLO instead of by the connection alone. */
  readonly smtpChecks?: boolean;
}

export interface Haproxy {
  readonly host: string;
  readonly port: number;
  readonly process: Running;
  stop(): Promise<void>;
}

/** The settings of one instance, for whoever starts it elsewhere. Checks are frequent: a relay's death is noticed while a test waits. */
export function haproxySettings(options: HaproxyOptions, listen: string): string {
  const { servers, header = 'send-proxy', source, smtpChecks = false } = options;
  const how = header === 'none' ? '' : ` ${header}`;
  return `global
  log stdout format raw daemon
defaults
  mode tcp
  log global
  option log-health-checks
  timeout connect 5s
  timeout check 10s
  timeout client 5m
  timeout server 5m
frontend smtp
  bind ${listen}
  default_backend relays
backend relays
  balance roundrobin
  option redispatch 1
  retries 3
${source === undefined ? '' : `  source ${source}\n`}${smtpChecks ? '  option smtpchk EHLO check.example\n' : ''}  default-server check inter 1s fall 2 rise 1${how}
${servers.map((server, at) => `  server relay${at + 1} ${server}\n`).join('')}`;
}

export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  ensurePackages(['haproxy']);
  const host = '127.0.0.1';
  const port = await freePort(host);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, haproxySettings(options, `${host}:${port}`));
  // Without -db it would leave us.
  const process = start('haproxy', ['-db', '-f', file]);
  const stop = async () => {
    await process.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await process.waitForPort(host, port);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { host, port, process, stop };
}
