/** What must be answered 451 and never 550, because it belongs to something that is left out or has disappeared. */

import { isSubdomainOf, mailboxKey, parseMailbox } from '../../relay/core/address.ts';
import type {
  HeldConfig,
  RewriteRuleConfig,
  SharedDomainConfig,
  SourceConfig,
  TenantRouteConfig,
} from '../../relay/core/config.ts';
import { compareText, sortedUnique } from './order.ts';
import type { Resolution } from './resolution.ts';
import { claimedAddresses, type DomainRow } from './rows.ts';
import type { AddressTuple } from './rule-rows.ts';

/** What is in force on the fleet: never shadowed by what is not. */
export interface InForce {
  readonly sharedDomains: readonly SharedDomainConfig[];
  readonly tenantRoutes: readonly TenantRouteConfig[];
  readonly rewriteRules: readonly RewriteRuleConfig[];
  /** Ids of credentials that travel with the configuration. */
  readonly credentials: ReadonlyMap<string, string>;
  readonly resolution: Resolution;
}

/** Of a rule. */
export interface HeldRows {
  readonly addresses: readonly AddressTuple[];
  readonly domains: readonly Pick<DomainRow, 'internal' | 'external' | 'direction'>[];
}

interface HeldAddress {
  readonly text: string;
  /**
   * Of something that has disappeared: a rule for its whole domain is enough to resolve it. For what is left out it
   * is not: the rule of a domain would hand John's mail to another tenant while John's own rule waits.
   */
  readonly gone: boolean;
}

export class HeldCollector {
  readonly #domains = new Set<string>();
  readonly #externalDomains = new Set<string>();
  readonly #unresolvedOf = new Set<string>();
  readonly #unreadable = new Set<string>();
  readonly #addresses = new Map<string, HeldAddress>();
  readonly #sources: SourceConfig[] = [];

  /** A domain as a whole, as recipient and as sender. */
  domains(domains: Iterable<string>): void {
    for (const domain of domains) this.#domains.add(domain);
  }

  addresses(addresses: Iterable<string>, gone = false): void {
    for (const text of addresses) {
      const parsed = parseMailbox(text);
      if (!parsed.ok) continue;
      const key = mailboxKey(parsed.value);
      const known = this.#addresses.get(key);
      this.#addresses.set(key, { text: known?.text ?? text, gone: gone && (known?.gone ?? true) });
    }
  }

  rows({ addresses, domains }: HeldRows, gone = false): void {
    for (const [internal, external, direction] of addresses) {
      this.addresses(claimedAddresses({ internal, external, direction }), gone);
    }
    for (const row of domains) {
      if (row.direction !== 'InboundOnly') this.#unreadable.add(row.internal);
      if (row.direction !== 'OutboundOnly') this.#externalDomains.add(row.external);
    }
  }

  unresolvedOf(domain: string): void {
    this.#unresolvedOf.add(domain);
  }

  unreadableTenantDomains(domains: Iterable<string>): void {
    for (const domain of domains) this.#unreadable.add(domain);
  }

  sources(sources: Iterable<SourceConfig>): void {
    this.#sources.push(...sources);
  }

  finish(inForce: InForce): HeldConfig {
    const shared = new Set(inForce.sharedDomains.map(({ domain }) => domain));
    const routing = new Set(inForce.tenantRoutes.flatMap(({ domains }) => domains));
    const outside = [...this.#externalDomains].filter((domain) => !shared.has(domain));
    const domains = [...this.#domains, ...outside].filter((domain) => !shared.has(domain) && !routing.has(domain));
    const unresolved = [...this.#unresolvedOf, ...this.#externalDomains].filter((domain) => shared.has(domain));
    return {
      domains: sortedUnique(domains),
      addresses: this.#heldAddresses(inForce, new Set(domains)),
      unresolvedOf: sortedUnique(unresolved),
      unreadableTenantDomains: sortedUnique([...this.#unreadable].filter((domain) => !domains.includes(domain))),
      sources: this.#heldSources(inForce.credentials),
    };
  }

  /** Not those of domains that are held as a whole. */
  #heldAddresses({ rewriteRules, resolution }: InForce, heldDomains: ReadonlySet<string>): string[] {
    if (this.#addresses.size === 0) return [];
    const domainRows = rewriteRules.filter(({ mode }) => mode === 'Enforce').flatMap((rule) => rule.domains);
    const isResolved = ([key, { text, gone }]: readonly [string, HeldAddress]) => {
      const resolved = resolution.of(key);
      if (resolved === 'Always' || (resolved === 'ForSome' && gone)) return true;
      return gone && domainRows.some((row) => coversAddress(row, text));
    };
    return [...this.#addresses]
      .filter((address) => !heldDomains.has(domainOf(address[1].text)) && !isResolved(address))
      .map(([, { text }]) => text)
      .sort(compareText);
  }

  /** Without the credential of what has disappeared only the name is left to go by. */
  #heldSources(credentials: ReadonlyMap<string, string>): SourceConfig[] {
    const proven = <T extends { ca?: string | undefined }>(demand: T) => {
      const { ca, ...rest } = demand;
      return ca === undefined || credentials.has(ca) ? demand : { ...rest, unverified: true };
    };
    const texts = this.#sources.map(({ clientCertificate, exchangeOnline, ...source }) =>
      JSON.stringify({
        ...source,
        ...(clientCertificate && { clientCertificate: proven(clientCertificate) }),
        ...(exchangeOnline && { exchangeOnline: proven(exchangeOnline) }),
      }),
    );
    return sortedUnique(texts).map((text) => JSON.parse(text) as SourceConfig);
  }
}

function coversAddress(row: RewriteRuleConfig['domains'][number], text: string): boolean {
  const domain = domainOf(text);
  if (domain === row.external) return row.direction !== 'OutboundOnly';
  if (row.direction === 'InboundOnly') return false;
  if (domain === row.internal) return true;
  const excepted = row.exceptions.some((each) => each === domain || isSubdomainOf(domain, each));
  return row.includeSubdomains && !excepted && isSubdomainOf(domain, row.internal);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
