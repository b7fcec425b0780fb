/** The cluster's DNS server, CoreDNS: names of Services from the API server, other zones from a folder that tests write to. */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, runOrThrow } from '../../support/child-process.ts';
import { type Daemon, startDaemon, until } from '../daemon.ts';

export interface ClusterDns {
  readonly daemon: Daemon;
  /** Records in zone file syntax, without SOA and NS: `@ MX 10 mx\nmx A 198.51.100.7`. Answered so within two seconds. */
  setZone(name: string, records: string): void;
}

export interface ClusterDnsOptions {
  readonly program: string;
  readonly address: string;
  /** Of the cluster; the log goes to its `log`. */
  readonly folder: string;
  readonly kubeconfig: string;
  readonly zones: Readonly<Record<string, string>>;
}

export async function startClusterDns(options: ClusterDnsOptions): Promise<ClusterDns> {
  const folder = join(options.folder, 'dns');
  const zones = join(folder, 'zones');
  mkdirSync(zones, { recursive: true });
  let serial = 0;
  const setZone = (name: string, records: string) => {
    serial += 1;
    // CoreDNS reads a zone again when its serial has changed, and must never see half a file.
    const unfinished = join(folder, 'unfinished');
    writeFileSync(unfinished, zoneFile(name, records, serial));
    renameSync(unfinished, join(zones, `${name}.zone`));
  };
  for (const [name, records] of Object.entries(options.zones)) setZone(name, records);
  const settings = join(folder, 'Corefile');
  writeFileSync(
    settings,
    `. {
  bind ${options.address}
  errors
  kubernetes cluster.local {
    kubeconfig ${options.kubeconfig}
    ttl 1
  }
  auto {
    directory ${zones} (.*)\\.zone {1}
    reload 1s
  }
}
`,
  );
  const log = join(options.folder, 'log', 'coredns.log');
  const daemon = startDaemon(options.program, ['-conf', settings], { log });
  const isUp = () => {
    if (daemon.ended()) throw new Error(`coredns ended: ${daemon.log()}`);
    return answers(options.address, 53);
  };
  await until('coredns answers', isUp, { detail: () => daemon.log() });
  await askIt(folder, options.address);
  return { daemon, setZone };
}

/** Every program in our mounts asks it from now on: no other server can be reached from this network. */
async function askIt(folder: string, address: string): Promise<void> {
  const file = join(folder, 'resolv.conf');
  writeFileSync(file, `nameserver ${address}\n`);
  await runOrThrow('mount', ['--bind', file, '/etc/resolv.conf']);
}

const zoneFile = (name: string, records: string, serial: number): string => `$ORIGIN ${name}.
$TTL 1
@ SOA ns.invalid. hostmaster.invalid. ${serial} 3600 600 86400 1
@ NS ns.invalid.
${records}
`;
