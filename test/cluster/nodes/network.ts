/**
 * The network of a cluster inside a namespace of its own: a bridge that the nodes are plugged into, a router with the control
 * plane at 10.98.255.1, and beyond it a client that belongs to no cluster, at 10.96.0.9.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { runOrThrow } from '../../support/child-process.ts';
import { assertOwnNetwork } from '../../support/namespace.ts';
import { type Daemon, startDaemon, until } from '../daemon.ts';

export const ROUTER = '10.98.255.1';
export const CLIENT = '10.96.0.9';
export const BRIDGE = 'nodes0';
const CLIENT_GATEWAY = '10.96.0.1';

/** Numbered from 1. */
export const nodeAddress = (number: number): string => `10.98.255.${10 + number}`;
export const podRange = (number: number): string => `10.98.${number}.0/24`;
export const nodeLink = (number: number): string => `node${number}h`;

const shell = (script: string, inside: readonly string[] = []) => {
  const [command, ...args] = [...inside, 'sh', '-ec', script];
  return runOrThrow(command, args);
};

// Kernels differ in whether new namespaces check reverse paths; a reply here may leave by another way than its request came.
const FORWARD = `
sysctl -qw net.ipv4.ip_forward=1
for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > "$file"; done
`;

export async function makeRouter(): Promise<void> {
  await assertOwnNetwork();
  await shell(`
ip link set lo up
ip link add ${BRIDGE} type bridge
ip address add ${ROUTER}/24 dev ${BRIDGE}
ip link set ${BRIDGE} up
ip route add default dev ${BRIDGE}
${FORWARD}`);
}

/** A namespace that lasts as long as its first process, and how commands are run in it. */
export interface Namespace {
  readonly daemon: Daemon;
  /** Process id of the first process in it, as seen from here. */
  readonly pid: number;
  /** Put before a command. */
  readonly inside: readonly string[];
}

export type NamespaceKind = 'network' | 'machine';

/** Waiting for every child is what the first process of a machine is for: shims of dead pods would stay as zombies. */
const FIRST_PROCESS = ['sh', '-c', 'sleep infinity & wait'];

/** `network`: addresses of its own. `machine`: processes and mounts as well; all of it ends when its first process is killed. */
export async function openNamespace(kind: NamespaceKind, log: string): Promise<Namespace> {
  const machine = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const args = ['--net', ...(kind === 'machine' ? machine : []), ...FIRST_PROCESS];
  const daemon = startDaemon('unshare', args, { log });
  let pid = daemon.pid;
  await until('a namespace is open', () => {
    if (daemon.ended()) throw new Error(`unshare ended: ${daemon.log()}`);
    try {
      if (kind === 'machine') pid = Number(childOf(daemon.pid));
      // Only when the first process runs its own program is everything around it in place.
      return pid > 0 && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sh' && network(pid) !== network('self');
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  });
  const of = kind === 'machine' ? ['--net', '--mount', '--pid'] : ['--net'];
  return { daemon, pid, inside: ['nsenter', '--target', String(pid), ...of, '--'] };
}

const network = (pid: number | 'self'): string => readlinkSync(join('/proc', String(pid), 'ns/net'));
const childOf = (pid: number): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EACCES'].includes(String(error.code));

/** The other nodes are reached at once, everything else through the router. */
export async function plugIn(number: number, namespace: Namespace): Promise<void> {
  const address = nodeAddress(number);
  const link = nodeLink(number);
  await shell(`
ip link add ${link} type veth peer name eth0 netns ${namespace.pid}
ip link set ${link} master ${BRIDGE} up
ip route add ${podRange(number)} via ${address}`);
  await shell(
    `
ip link set lo up
ip address add ${address}/24 dev eth0
ip link set eth0 up
ip route add default via ${ROUTER}
${FORWARD}`,
    namespace.inside,
  );
}

export async function plugInClient(namespace: Namespace): Promise<void> {
  await shell(`
ip link add client0 type veth peer name eth0 netns ${namespace.pid}
ip address add ${CLIENT_GATEWAY}/24 dev client0
ip link set client0 up`);
  await shell(
    `
ip link set lo up
ip address add ${CLIENT}/24 dev eth0
ip link set eth0 up
ip route add default via ${CLIENT_GATEWAY}`,
    namespace.inside,
  );
}

/** As if its power had failed: not even a reset of a connection is heard of it any more. */
export const cutOff = (number: number): Promise<string> => shell(`ip link set ${nodeLink(number)} down`);
