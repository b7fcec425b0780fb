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
import { claimedAddresses, type Row } from './rows.ts';

/** What is in force on the fleet: never shadowed by what is not. */
export interface InForce {
  readonly sharedDomains: readonly SharedDomainConfig[];
  readonly tenantRoutes: readonly TenantRouteConfig[];
  readonly rewriteRules: readonly RewriteRuleConfig[];
  /** Ids of credentials that travel with the configuration. */
  readonly credentials: ReadonlyMap<string, string>;
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

  rows(rows: readonly Row[], gone = false): void {
    for (const row of rows) {
      if (row.kind === 'Address') {
        this.addresses(claimedAddresses(row), gone);
        continue;
      }
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
      addresses: this.#heldAddresses(inForce.rewriteRules, new Set(domains)),
      unresolvedOf: sortedUnique(unresolved),
      unreadableTenantDomains: sortedUnique([...this.#unreadable].filter((domain) => !domains.includes(domain))),
      sources: this.#heldSources(inForce.credentials),
    };
  }

  /** Not those of domains that are held as a whole. */
  #heldAddresses(rules: readonly RewriteRuleConfig[], heldDomains: ReadonlySet<string>): string[] {
    if (this.#addresses.size === 0) return [];
    const left = new Map(this.#addresses);
    const enforced = rules.filter((rule) => rule.mode === 'Enforce');
    for (const rule of enforced) {
      for (const [internal, external, direction] of rule.addresses) {
        // An alias does not say how its mailbox writes, nor does a rule for some recipients say it for all.
        if (direction !== 'InboundOnly') drop(left, internal, rule.onlyTo !== undefined);
        if (direction !== 'OutboundOnly') drop(left, external, false);
      }
    }
    const domainRows = enforced.flatMap((rule) => rule.domains);
    const resolved = ({ text, gone }: HeldAddress) => gone && domainRows.some((row) => coversAddress(row, text));
    return [...left.values()]
      .filter((address) => !heldDomains.has(domainOf(address.text)) && !resolved(address))
      .map(({ text }) => text)
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

function drop(left: Map<string, HeldAddress>, text: string, onlyWhatIsGone: boolean): void {
  const parsed = parseMailbox(text);
  if (!parsed.ok) return;
  const key = mailboxKey(parsed.value);
  if (onlyWhatIsGone && left.get(key)?.gone !== true) return;
  left.delete(key);
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
