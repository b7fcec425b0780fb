/**
 * What was in force and is not now is remembered: while it is left out, so that nobody else takes its names; and for
 * a while after it has disappeared, so that mail for it is put off and not refused, in case it was deleted by
 * mistake.
 */

import type { RelayConfig, RewriteRuleConfig, SharedDomainConfig, TenantRouteConfig } from '../../relay/core/config.ts';
import { joinedRule } from './joined-rule.ts';
import { compareText } from './order.ts';

/**
 * What is left out is seen at every look, and its time would be another each time: it is put off by steps, so that
 * looking twice comes to the same.
 */
const MOST_STEP_MS = 3_600_000;
const STEP_OF_HOLD = 1 / 8;

interface Grave {
  readonly namespace: string;
  readonly fleet: string;
  readonly name: string;
  /** Milliseconds since 1970, from when it was last seen. */
  readonly expiresAt: number;
}

/** `was` is its part of the last configuration that held it. */
export type Tombstone =
  | (Grave & { readonly kind: 'SharedDomain'; readonly was: SharedDomainConfig })
  | (Grave & { readonly kind: 'TenantRoute'; readonly was: TenantRouteConfig })
  | (Grave & { readonly kind: 'RewriteRule'; readonly was: RewriteRuleConfig });

/** A SharedDomain is what its domain says: of the same name with another domain it is another, as domains never change. */
export interface Named {
  readonly name: string;
  /** Of a SharedDomain. */
  readonly domain?: string;
}

export type Presence = 'InForce' | 'LeftOut' | 'Gone';

export interface FleetMemory {
  readonly namespace: string;
  readonly fleet: string;
  readonly holdSeconds: number;
  readonly now: number;
  presence(kind: Tombstone['kind'], was: Named): Presence;
  /** Rules of which rows cannot be read now, with the rows that are to be remembered. */
  readonly unreadable: readonly RewriteRuleConfig[];
}

/** Those of one fleet: earlier ones that hold still, and new ones for what only the running configuration knows. */
export function fleetTombstones(
  earlier: readonly Tombstone[],
  running: RelayConfig | undefined,
  memory: FleetMemory,
): Tombstone[] {
  const { namespace, fleet, now, holdSeconds } = memory;
  const expiresAt = now + holdSeconds * 1000;
  const fresh = (name: string) => ({ namespace, fleet, name, expiresAt });
  const ofFleet = earlier.filter((tombstone) => tombstone.namespace === namespace && tombstone.fleet === fleet);
  const dug = new Map(ofFleet.map((tombstone) => [keyOf(tombstone), tombstone.expiresAt]));
  const step = Math.min(MOST_STEP_MS, holdSeconds * 1000 * STEP_OF_HOLD);
  const putOff = (key: string) => {
    const before = dug.get(key) ?? 0;
    return before <= expiresAt && before > expiresAt - step ? before : expiresAt;
  };
  // Whoever shortens the time frees what was removed before: there may be no room for both.
  const endOf = (tombstone: Tombstone) => Math.min(tombstone.expiresAt, expiresAt);
  const tombstones = new Map<string, Tombstone>();
  const bury = (tombstone: Tombstone) => {
    const key = keyOf(tombstone);
    const known = tombstones.get(key);
    switch (memory.presence(tombstone.kind, tombstone.was)) {
      case 'InForce':
        break;
      case 'LeftOut':
        tombstones.set(key, { ...joined(tombstone, known), expiresAt: putOff(key) });
        break;
      case 'Gone':
        // A grave is dug once: the same running configuration given again does not begin its time anew.
        if (endOf(tombstone) > now && resolves(tombstone))
          tombstones.set(key, { ...joined(tombstone, known), expiresAt: endOf(known ?? tombstone) });
        break;
    }
  };
  // What comes later is nearer to what was in force last.
  ofFleet.forEach(bury);
  // Nearly all of it is in force, and needs no grave.
  const missing = <Kind extends Tombstone['kind'], T extends Named>(kind: Kind, all: readonly T[]) =>
    all.filter((was) => memory.presence(kind, was) !== 'InForce').map((was) => ({ ...fresh(was.name), kind, was }));
  missing('SharedDomain', running?.sharedDomains ?? []).forEach(bury);
  missing('TenantRoute', running?.tenantRoutes ?? []).forEach(bury);
  missing('RewriteRule', running?.rewriteRules ?? []).forEach(bury);
  for (const was of memory.unreadable) {
    const tombstone: Tombstone = { ...fresh(was.name), kind: 'RewriteRule', was };
    const key = keyOf(tombstone);
    tombstones.set(key, { ...tombstone, expiresAt: putOff(key) });
  }
  return [...tombstones.values()].sort((a, b) => compareText(keyOf(a), keyOf(b)));
}

/** Of a rule that could not be read as a whole some rows were in force and the others are buried. */
function joined(near: Tombstone, far: Tombstone | undefined): Tombstone {
  if (near.kind !== 'RewriteRule' || far?.kind !== 'RewriteRule') return near;
  return { ...near, was: joinedRule(near.was, far.was) };
}

/** A rule in Audit never resolved anything. */
function resolves(tombstone: Tombstone): boolean {
  return tombstone.kind !== 'RewriteRule' || tombstone.was.mode === 'Enforce';
}

function keyOf({ kind, was }: Tombstone): string {
  return graveKey(kind, was);
}

/** Of a fleet there is one grave each. */
export function graveKey(kind: Tombstone['kind'], { name, domain }: Named): string {
  return domain === undefined ? `${kind} ${name}` : `${kind} ${name} ${domain}`;
}
