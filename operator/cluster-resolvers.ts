/** Whom pods of this cluster ask for names, as this pod was told: the kubelet tells relay pods the same. */

import { getServers } from 'node:dns';
import { BlockList, isIP, isIPv6 } from 'node:net';

const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addAddress('::1', 'ipv6');

/**
 * Addresses only. One on loopback is another in each pod, one with a scope means nothing without the interface, and a
 * NetworkPolicy can name neither.
 */
export function clusterResolvers(servers: readonly string[] = getServers()): string[] {
  return servers.filter(
    (server) => isIP(server) !== 0 && !server.includes('%') && !OWN.check(server, isIPv6(server) ? 'ipv6' : 'ipv4'),
  );
}
