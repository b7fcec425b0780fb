/** What /status says: which configuration runs, what it holds, and what was found out. No secret, no address of anybody. */

import type { RelayConfig } from './core/config.ts';
import { CONFIG_FORMAT } from './core/config.ts';
import { type Finding, findingKey } from './findings.ts';
import type { RouteConnections } from './next-hop/next-hops.ts';

export interface RelayStatus {
  /** Formats of RelayConfig this relay reads. */
  readonly formats: readonly number[];
  readonly revision: string;
  /** Process ids, one a worker. */
  readonly pids: readonly number[];
  /** The last configuration that could not be run, when it is newer than the one that runs. */
  readonly refused: { readonly revision: string; readonly reason: string } | undefined;
  readonly counts: {
    readonly sharedDomains: number;
    readonly tenantRoutes: number;
    readonly rewriteRules: number;
    readonly addresses: number;
    readonly connections: number;
  };
  readonly nextHops: readonly RouteConnections[];
  readonly findings: readonly Finding[];
}

export interface StatusFacts {
  readonly config: RelayConfig;
  readonly addresses: number;
  readonly refused: RelayStatus['refused'];
  readonly connections: number;
  readonly nextHops: readonly RouteConnections[];
  readonly findings: readonly Finding[];
}

export function relayStatus({ config, addresses, refused, connections, nextHops, findings }: StatusFacts): RelayStatus {
  return {
    formats: [CONFIG_FORMAT],
    revision: config.revision,
    pids: [process.pid],
    refused,
    counts: {
      sharedDomains: config.sharedDomains.length,
      tenantRoutes: config.tenantRoutes.length,
      rewriteRules: config.rewriteRules.length,
      addresses,
      connections,
    },
    nextHops,
    findings,
  };
}

/** Of several workers: what they count is added up, what they found is joined. */
export function mergeStatus(all: readonly RelayStatus[]): RelayStatus {
  const [first, ...others] = all;
  if (first === undefined) throw new Error('no worker answers');
  return others.reduce((sum, one) => {
    const names = new Map(sum.nextHops.map((hop) => [hop.name, hop]));
    for (const { name, open, idle, waiting } of one.nextHops) {
      const known = names.get(name) ?? { open: 0, idle: 0, waiting: 0 };
      names.set(name, { name, open: open + known.open, idle: idle + known.idle, waiting: waiting + known.waiting });
    }
    const findings = new Map([...sum.findings, ...one.findings].map((finding) => [findingKey(finding), finding]));
    return {
      ...sum,
      pids: [...sum.pids, ...one.pids],
      refused: sum.refused ?? one.refused,
      counts: { ...sum.counts, connections: sum.counts.connections + one.counts.connections },
      nextHops: [...names.values()],
      findings: [...findings.values()],
    };
  }, first);
}
