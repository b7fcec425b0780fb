/** What was in force last records who holds each name, and rows that cannot be read any more. */

import type {
  RewriteRuleConfig,
  SharedDomainConfig,
  SourceConfig,
  TenantRouteConfig,
} from '../../relay/core/config.ts';
import type { RunningFleet } from './input.ts';
import { type Claimed, ClaimMap, claimsOfRow } from './row-claims.ts';
import type { DomainRow, Row } from './rows.ts';
import { addressRow } from './rule-rows.ts';
import { sourceClaims } from './source-claims.ts';
import type { Tombstone } from './tombstones.ts';

export const FORMER_PLACE = { where: 'the running configuration', path: 'spec' };

/**
 * Of one namespace. Holders are given in the order in which they count: those in force, then those that were before.
 */
export class RunningConfigurations {
  readonly #fleets: readonly RunningFleet[];
  readonly #tombstones: readonly Tombstone[];

  constructor(fleets: readonly RunningFleet[], tombstones: readonly Tombstone[]) {
    this.#fleets = fleets;
    this.#tombstones = tombstones;
  }

  sharedDomainHolders(domain: string): string[] {
    const names = this.#fleets.map(({ name }) => name);
    const all = [...new Set([...names, ...this.#tombstones.map(({ fleet }) => fleet)])].flatMap((fleet) =>
      this.#sharedDomains(fleet),
    );
    return all.filter((sharedDomain) => sharedDomain.domain === domain).map(({ name }) => name);
  }

  routingDomainHolders(fleet: string, domain: string): string[] {
    return this.#tenantRoutes(fleet)
      .filter((route) => route.domains.includes(domain))
      .map(({ name }) => name);
  }

  sourceHolders(fleet: string, claim: string): string[] {
    const holds = (source: SourceConfig) => sourceClaims(source).includes(claim);
    return this.#tenantRoutes(fleet)
      .filter(({ sources }) => sources.some(holds))
      .map(({ name }) => name);
  }

  addressHolders(fleet: string, names: ReadonlySet<string>, isAsked: (claim: Claimed) => boolean): ClaimMap<string[]> {
    const holders = new ClaimMap<string[]>();
    for (const rule of this.#rewriteRules(fleet)) {
      if (!names.has(rule.name)) continue;
      for (const row of rowsOf(rule)) {
        for (const claim of claimsOfRow(row, rule)) {
          if (isAsked(claim)) holders.set(claim, [...(holders.get(claim) ?? []), rule.name]);
        }
      }
    }
    return holders;
  }

  /** Of that name: the one in force, then those that were before. */
  rules(fleet: string, name: string): RewriteRuleConfig[] {
    return this.#rewriteRules(fleet).filter((rule) => rule.name === name);
  }

  #sharedDomains(fleet: string): SharedDomainConfig[] {
    const before = this.#of(fleet).flatMap((tombstone) => (tombstone.kind === 'SharedDomain' ? [tombstone.was] : []));
    return [...(this.#config(fleet)?.sharedDomains ?? []), ...before];
  }

  #tenantRoutes(fleet: string): TenantRouteConfig[] {
    const before = this.#of(fleet).flatMap((tombstone) => (tombstone.kind === 'TenantRoute' ? [tombstone.was] : []));
    return [...(this.#config(fleet)?.tenantRoutes ?? []), ...before];
  }

  #rewriteRules(fleet: string): RewriteRuleConfig[] {
    const before = this.#of(fleet).flatMap((tombstone) => (tombstone.kind === 'RewriteRule' ? [tombstone.was] : []));
    return [...(this.#config(fleet)?.rewriteRules ?? []), ...before];
  }

  #config(fleet: string) {
    return this.#fleets.find(({ name }) => name === fleet)?.config;
  }

  #of(fleet: string): Tombstone[] {
    return this.#tombstones.filter((tombstone) => tombstone.fleet === fleet);
  }
}

export function rowsOf(rule: RewriteRuleConfig): Row[] {
  return [...domainRowsOf(rule), ...rule.addresses.map((address) => addressRow(address, FORMER_PLACE))];
}

export function domainRowsOf({ domains }: RewriteRuleConfig): DomainRow[] {
  return domains.map((row) => ({ kind: 'Domain', ...row, place: FORMER_PLACE }));
}
