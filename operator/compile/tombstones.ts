/** What has disappeared is remembered for a while: mail for it is put off, not refused, in case it was deleted by mistake.
 *  Rows of a rule that is there but cannot be read are remembered as long as that lasts, so that nobody else takes their addresses. */

import type { RelayConfig, RewriteRuleConfig, SharedDomainConfig, TenantRouteConfig } from '../../relay/core/config.ts';
import { compareText } from './order.ts';

interface Grave {
  readonly namespace: string;
  readonly fleet: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** `was` is its part of the last configuration that held it. */
export type Tombstone =
  | (Grave & { readonly kind: 'SharedDomain'; readonly was: SharedDomainConfig })
  | (Grave & { readonly kind: 'TenantRoute'; readonly was: TenantRouteConfig })
  | (Grave & { readonly kind: 'RewriteRule'; readonly was: RewriteRuleConfig });

export interface Mourner {
  readonly namespace: string;
  readonly fleet: string;
  readonly holdSeconds: number;
  readonly now: number;
  /** Whether the resource is there, in whatever state, and may belong to this fleet. */
  exists(kind: Tombstone['kind'], name: string): boolean;
  /** Rules that exist and cannot be read, with the rows they had. */
  readonly unreadable: readonly RewriteRuleConfig[];
}

/** Those of one fleet: earlier ones that hold still, and new ones for what only the running configuration knows. */
export function fleetTombstones(
  earlier: readonly Tombstone[],
  running: RelayConfig | undefined,
  mourner: Mourner,
): Tombstone[] {
  const { namespace, fleet, now, holdSeconds } = mourner;
  const kept = earlier.filter(
    (tombstone) =>
      tombstone.namespace === namespace &&
      tombstone.fleet === fleet &&
      tombstone.expiresAt > now &&
      !mourner.exists(tombstone.kind, tombstone.name),
  );
  const grave = (name: string) => ({ namespace, fleet, name, expiresAt: now + holdSeconds * 1000 });
  const unreadable = mourner.unreadable.map((was): Tombstone => ({ ...grave(was.name), kind: 'RewriteRule', was }));
  if (running === undefined || holdSeconds === 0) return sorted([...kept, ...unreadable]);
  const known = new Set(kept.map((tombstone) => `${tombstone.kind}/${tombstone.name}`));
  const gone = (kind: Tombstone['kind']) => (was: { readonly name: string }) =>
    !mourner.exists(kind, was.name) && !known.has(`${kind}/${was.name}`);
  return sorted([
    ...kept,
    ...unreadable,
    ...running.sharedDomains
      .filter(gone('SharedDomain'))
      .map((was): Tombstone => ({ ...grave(was.name), kind: 'SharedDomain', was })),
    ...running.tenantRoutes
      .filter(gone('TenantRoute'))
      .map((was): Tombstone => ({ ...grave(was.name), kind: 'TenantRoute', was })),
    ...running.rewriteRules
      .filter((was) => was.mode === 'Enforce')
      .filter(gone('RewriteRule'))
      .map((was): Tombstone => ({ ...grave(was.name), kind: 'RewriteRule', was })),
  ]);
}

function sorted(tombstones: readonly Tombstone[]): Tombstone[] {
  return [...tombstones].sort((a, b) => compareText(a.kind, b.kind) || compareText(a.name, b.name));
}
