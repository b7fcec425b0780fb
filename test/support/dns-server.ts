/** A real DNS server, NSD, that answers for the zones a test writes down, on an address and port of the test's choice. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from './child-process.ts';
import { ensurePackages } from './debian.ts';
import { freePort } from './free-port.ts';

export interface DnsServer {
  readonly address: string;
  readonly port: number;
  /** `address:port`, with brackets for IPv6. */
  readonly at: string;
  stop(): Promise<void>;
}

export interface DnsServerOptions {
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
  /**
   * Zone name to records in zone file syntax, without SOA and NS: `{'shared.example': '@ MX 10 mx\nmx A 198.51.100.7'}`.
   * An unknown name below a zone is NXDOMAIN; a name outside all zones is REFUSED; a zone whose text is `broken` is SERVFAIL.
   */
  readonly zones: Readonly<Record<string, string>>;
}

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  ensurePackages(['nsd']);
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort(address));
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-dns-'));
  writeFileSync(join(directory, 'nsd.conf'), configuration(directory, address, port, options.zones));
  const server = start('nsd', ['-d', '-c', join(directory, 'nsd.conf')]);
  const stop = async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await server.waitForPort(address, port);
    await server.waitForOutput(/nsd started/);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { address, port, at: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`, stop };
}

function configuration(
  directory: string,
  address: string,
  port: number,
  zones: Readonly<Record<string, string>>,
): string {
  const blocks = Object.entries(zones).map(([zone, records], index) => {
    const file = join(directory, `zone-${index}`);
    // A zone that is configured and has no file is answered SERVFAIL, as by a secondary that lost its primary.
    if (records !== 'broken') writeFileSync(file, zoneFile(zone, records));
    return `zone:\n  name: "${zone}"\n  zonefile: "${file}"\n`;
  });
  // username "": stays who it is, as its files lie in a folder that only their maker may read.
  return `server:
  ip-address: ${address}@${port}
  username: ""
  chroot: ""
  zonesdir: "${directory}"
  pidfile: "${join(directory, 'pid')}"
  xfrdfile: "${join(directory, 'xfrd.state')}"
  xfrdir: "${directory}"
  zonelistfile: "${join(directory, 'zone.list')}"
  database: ""
  server-count: 1
  rrl-ratelimit: 0
  verbosity: 1
remote-control:
  control-enable: no
${blocks.join('')}`;
}

function zoneFile(zone: string, records: string): string {
  // One second to live: a test that changes a record must not meet its old value in a cache.
  return `$ORIGIN ${zone}.
$TTL 1
@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 1
@ NS ns.invalid.
${records}
`;
}
