/**
 * What a source claims for its tenant alone: pairs of address block and certificate name, or a tenant of Exchange
 * Online. Takes lost claims out again.
 */

import type { SourceConfig } from '../../relay/core/config.ts';

/** Stands for "any address" and "no certificate" among the parts of a claim. */
const ANY = '*';
/** First words of claims that are no pair. */
const TENANT = 'tenant';
const ORGANIZATION = 'organization';

/**
 * One pair of an address block and a certificate name, either of which may be missing: what two routes cannot both
 * have.
 */
interface Pair {
  readonly cidr: string;
  readonly name: string;
}

function pairs(source: SourceConfig): Pair[] {
  const cidrs = source.cidrs.length > 0 ? source.cidrs : [ANY];
  const names = source.clientCertificate?.names ?? [ANY];
  return cidrs.flatMap((cidr) => names.map((name) => ({ cidr, name })));
}

function claimKey(source: SourceConfig, { cidr, name }: Pair): string {
  return `${cidr} ${name} ${source.clientCertificate?.ca ?? ANY}`;
}

/** Addresses and certificate of Exchange Online are everybody's; what it is asked to prove is one tenant's. */
export function sourceClaims(source: SourceConfig): string[] {
  const { exchangeOnline } = source;
  if (exchangeOnline === undefined) return pairs(source).map((pair) => claimKey(source, pair));
  return [tenantClaim(exchangeOnline.tenantId), ...exchangeOnline.organizations.map(organizationClaim)];
}

/** Those without which nothing is left of an entry. */
export function tenantClaims({ exchangeOnline }: SourceConfig): string[] {
  return exchangeOnline === undefined ? [] : [tenantClaim(exchangeOnline.tenantId)];
}

const tenantClaim = (tenantId: string) => `${TENANT} ${tenantId}`;
const organizationClaim = (organization: string) => `${ORGANIZATION} ${organization}`;

/** A claim in words. */
export function describeClaim(key: string): string {
  const [cidr, name] = key.split(' ');
  if (cidr === TENANT || cidr === ORGANIZATION) return key;
  if (name === ANY) return `${cidr}`;
  return cidr === ANY ? `certificate name ${name}` : `certificate name ${name} from ${cidr}`;
}

/**
 * The sources without the claims that another route holds; entries are split where only some of their pairs are lost.
 */
export function withoutClaims(sources: readonly SourceConfig[], lost: ReadonlySet<string>): SourceConfig[] {
  return sources.flatMap((source): SourceConfig[] => {
    const { exchangeOnline } = source;
    if (exchangeOnline !== undefined) {
      if (lost.has(tenantClaim(exchangeOnline.tenantId))) return [];
      const organizations = exchangeOnline.organizations.filter((each) => !lost.has(organizationClaim(each)));
      return [{ ...source, exchangeOnline: { ...exchangeOnline, organizations } }];
    }
    const kept = pairs(source).filter((pair) => !lost.has(claimKey(source, pair)));
    const namesByCidr = new Map<string, string[]>();
    for (const { cidr, name } of kept) namesByCidr.set(cidr, [...(namesByCidr.get(cidr) ?? []), name]);
    const cidrsByNames = new Map<string, string[]>();
    for (const [cidr, names] of namesByCidr) {
      const key = names.join(' ');
      cidrsByNames.set(key, [...(cidrsByNames.get(key) ?? []), cidr]);
    }
    return [...cidrsByNames].map(([names, cidrs]) => ({
      cidrs: cidrs.filter((cidr) => cidr !== ANY),
      tlsRequired: source.tlsRequired,
      ...(source.clientCertificate && { clientCertificate: { ...source.clientCertificate, names: names.split(' ') } }),
    }));
  });
}
