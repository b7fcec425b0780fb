/** What the running configuration records: who holds each name, and rows that cannot be read any more. */

import { mailboxKey, parseMailbox } from '../../relay/core/address.ts';
import type { RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';
import type { RunningFleet } from './input.ts';
import { claimsOfRow } from './row-claims.ts';
import type { Row } from './rows.ts';
import { sourceClaims } from './sources.ts';
import type { Tombstone } from './tombstones.ts';

const PLACE = { where: 'the running configuration', path: 'spec' };

/** Of one namespace. */
export class RunningConfigurations {
  readonly #fleets: readonly RunningFleet[];
  readonly #tombstones: readonly Tombstone[];

  constructor(fleets: readonly RunningFleet[], tombstones: readonly Tombstone[]) {
    this.#fleets = fleets;
    this.#tombstones = tombstones;
  }

  config(fleet: string): RelayConfig | undefined {
    return this.#fleets.find(({ name }) => name === fleet)?.config;
  }

  sharedDomainHolder(domain: string): string | undefined {
    const all = this.#fleets.flatMap(({ config }) => config.sharedDomains);
    return all.find((sharedDomain) => sharedDomain.domain === domain)?.name;
  }

  routingDomainHolder(fleet: string, domain: string): string | undefined {
    return this.config(fleet)?.tenantRoutes.find((route) => route.domains.includes(domain))?.name;
  }

  sourceHolder(fleet: string, claim: string): string | undefined {
    const routes = this.config(fleet)?.tenantRoutes ?? [];
    return routes.find((route) => route.sources.some((source) => sourceClaims(source).includes(claim)))?.name;
  }

  addressHolders(fleet: string, keys: ReadonlySet<string>): Map<string, string> {
    const holders = new Map<string, string>();
    for (const rule of this.#rules(fleet)) {
      for (const row of rowsOf(rule)) {
        for (const { key } of claimsOfRow(row, rule)) {
          if (keys.has(key) && !holders.has(key)) holders.set(key, rule.name);
        }
      }
    }
    return holders;
  }

  rows(fleet: string, rule: string): Row[] {
    return this.#rules(fleet)
      .filter(({ name }) => name === rule)
      .flatMap(rowsOf);
  }

  /** Those in force first, then rows that were kept when they could not be read any more. */
  #rules(fleet: string): RewriteRuleConfig[] {
    const kept = this.#tombstones.flatMap((tombstone) =>
      tombstone.kind === 'RewriteRule' && tombstone.fleet === fleet ? [tombstone.was] : [],
    );
    return [...(this.config(fleet)?.rewriteRules ?? []), ...kept];
  }
}

export function rowsOf(rule: RewriteRuleConfig): Row[] {
  const domains = rule.domains.map((row): Row => ({ kind: 'Domain', ...row, place: PLACE }));
  const addresses = rule.addresses.map(([internal, external, direction]): Row => {
    const keys = { internalKey: keyOf(internal), externalKey: keyOf(external) };
    return { kind: 'Address', internal, external, ...keys, direction, place: PLACE };
  });
  return [...domains, ...addresses];
}

function keyOf(text: string): string {
  const parsed = parseMailbox(text);
  return parsed.ok ? mailboxKey(parsed.value) : text;
}
