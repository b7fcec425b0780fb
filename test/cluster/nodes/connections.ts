/** What connects to what on the nodes of a cluster, by the kernel's own tables: behind a Service the pod that was chosen. */

import { join } from 'node:path';
import { run } from '../../support/child-process.ts';
import { type Daemon, startDaemon, until } from '../daemon.ts';
import type { Cluster } from './cluster.ts';
import { ROUTER } from './network.ts';

export interface Connection {
  readonly protocol: 'TCP' | 'UDP';
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

export interface Connections {
  /** Each once, though two nodes may see it; those of before it was watched are missing. */
  all(): readonly Connection[];
  stop(): Promise<void>;
}

/** Octets for what is told faster than it is written down. */
const BUFFER = 8 * 1024 * 1024;
const WATCH = ['-E', '-e', 'NEW', '--buffer-size', String(BUFFER)];
// The second pair of addresses is what answers come from and go to.
const LINE = /\[NEW\] (tcp|udp) .*? src=(\S+) .*\[UNREPLIED\] src=(\S+) dst=\S+ sport=(\d+) /gm;

export async function watchConnections({ nodes, controlPlane }: Cluster): Promise<Connections> {
  const log = (name: string) => join(controlPlane.folder, 'log', `${name}-connections.log`);
  const watches = nodes.map(({ name, inside }) => startDaemon('conntrack', WATCH, { log: log(name), inside }));
  // It does not say when it has begun: until it tells of a connection of ours.
  const isWatched = async (watch: Daemon, inside: readonly string[]) => {
    const [command, ...args] = [...inside, 'bash', '-c', `: < /dev/tcp/${ROUTER}/53`];
    await run(command, args);
    return connectionsOf(watch.log()).length > 0;
  };
  for (const [index, watch] of watches.entries())
    await until('connections are seen on a node', () => isWatched(watch, nodes[index]?.inside ?? []));
  return {
    all: () => {
      const all = watches.flatMap((watch) => connectionsOf(watch.log()));
      return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
    },
    stop: async () => void (await Promise.all(watches.map((watch) => watch.kill()))),
  };
}

function connectionsOf(text: string): Connection[] {
  return [...text.matchAll(LINE)].map(([, protocol, from = '', to = '', port]) => {
    return { protocol: protocol === 'tcp' ? 'TCP' : 'UDP', from, to, port: Number(port) };
  });
}
