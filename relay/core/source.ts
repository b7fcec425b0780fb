/**
 * Who is the client? Matches a connection against the sources of all tenant routes; whoever matches nothing is the
 * internet.
 */

import type { RelayConfig, SourceConfig, TenantRouteConfig } from './config.ts';
import { type Cidr, cidrContains, parseAddress, parseCidr } from './network.ts';

export type ClientIdentity =
  | { readonly kind: 'Internet' }
  | { readonly kind: 'Tenant'; readonly route: TenantRouteConfig }
  /** The best match demands TLS, and the session has none. */
  | { readonly kind: 'TlsMissing'; readonly route: TenantRouteConfig }
  /**
   * It matches a source of a route that is left out; or it shows a certificate of a tenant's own name that cannot be verified,
   * as the day after it expired, when `unverified` names the route.
   */
  | { readonly kind: 'Held'; readonly unverified?: string }
  | Candidate;

/**
 * Exchange Online has shown its certificate: any of its customers may be writing. Which one, if it is one of ours, the
 * transaction must prove (core/proof.ts).
 */
export interface Candidate {
  readonly kind: 'Candidate';
  readonly claims: readonly TenantClaim[];
}

/** Who a candidate could turn out to be. */
export interface TenantClaim {
  /** undefined for a route that is left out. */
  readonly route: TenantRouteConfig | undefined;
  /** Lower-case GUID. */
  readonly tenantId: string;
  /** Lower-case domains that XOORG= may name. */
  readonly organizations: readonly string[];
  /** false where the authorities of a route that is left out cannot be read: anybody could show such a certificate. */
  readonly verified: boolean;
}

export type CertificateDemand = NonNullable<SourceConfig['clientCertificate']>;

export interface ClientFacts {
  readonly address: string;
  readonly tls: boolean;
  /** Whether the client's certificate, verified, is one of these names; false without a certificate. */
  certificateMatches(demand: CertificateDemand): boolean;
}

interface CompiledSource {
  readonly route: TenantRouteConfig | undefined;
  readonly source: SourceConfig;
  readonly cidrs: readonly Cidr[];
}

export interface SourceList {
  readonly routes: readonly CompiledSource[];
  readonly held: readonly CompiledSource[];
}

export const INTERNET: ClientIdentity = { kind: 'Internet' };

function compile(source: SourceConfig, route: TenantRouteConfig | undefined): CompiledSource {
  const cidrs = source.cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);
  return { route, source, cidrs };
}

export function compileSources(config: RelayConfig): SourceList {
  return {
    routes: config.tenantRoutes.flatMap((route) => route.sources.map((source) => compile(source, route))),
    held: config.held.sources.map((source) => compile(source, undefined)),
  };
}

interface Match {
  readonly entry: CompiledSource;
  readonly tlsMissing: boolean;
  /** Certificate with CIDR, then certificate, then CIDR; the longest prefix first. */
  readonly strength: number;
}

/** Above every prefix length. */
const WITH_CERTIFICATE = 1000;

function match(entry: CompiledSource, facts: ClientFacts, address: ReturnType<typeof parseAddress>): Match | undefined {
  const { source, cidrs } = entry;
  // A certificate that every customer of Exchange Online shows is no tenant's: see claimsOf().
  if (source.exchangeOnline !== undefined) return undefined;
  const prefix = longestPrefix(source, cidrs, address);
  if (prefix === undefined) return undefined;
  const demand = source.clientCertificate;
  const tlsMissing = !facts.tls && (source.tlsRequired || demand !== undefined);
  // A certificate alone says nothing about a client that speaks clear text: that is the whole internet.
  if (tlsMissing) return prefix === 0 ? undefined : { entry, tlsMissing, strength: prefix };
  if (demand === undefined) return prefix === 0 ? undefined : { entry, tlsMissing, strength: prefix };
  if (!facts.certificateMatches(demand)) return undefined;
  return { entry, tlsMissing, strength: WITH_CERTIFICATE + prefix };
}

/** 0 for a source that names no addresses; undefined when none of its addresses is this one. */
function longestPrefix(
  source: SourceConfig,
  cidrs: readonly Cidr[],
  address: ReturnType<typeof parseAddress>,
): number | undefined {
  if (source.cidrs.length === 0) return 0;
  if (address === undefined) return undefined;
  const lengths = cidrs.filter((cidr) => cidrContains(cidr, address)).map((cidr) => cidr.prefixLength + 1);
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

/** What the client could be by Exchange Online's certificate. Without TLS it has none, and is whoever it is without it. */
function claimsOf(sources: SourceList, facts: ClientFacts): TenantClaim[] {
  if (!facts.tls) return [];
  const address = parseAddress(facts.address);
  const claims: TenantClaim[] = [];
  // Nearly all routes ask for the same names: a chain is verified once.
  const known = new Map<string, boolean>();
  const matches = (demand: CertificateDemand) => {
    const key = JSON.stringify([demand.names, demand.ca, demand.unverified]);
    const found = known.get(key) ?? facts.certificateMatches(demand);
    known.set(key, found);
    return found;
  };
  for (const { source, cidrs, route } of [...sources.routes, ...sources.held]) {
    const { exchangeOnline, clientCertificate } = source;
    if (exchangeOnline === undefined || longestPrefix(source, cidrs, address) === undefined) continue;
    const { tenantId, organizations, certificateNames: names, ca, unverified } = exchangeOnline;
    const demand = { names, ...(ca === undefined ? {} : { ca }), ...(unverified === undefined ? {} : { unverified }) };
    if (!matches(demand) || (clientCertificate !== undefined && !matches(clientCertificate))) continue;
    claims.push({ route, tenantId, organizations, verified: unverified !== true });
  }
  return claims;
}

function strongest(list: readonly CompiledSource[], facts: ClientFacts): Match | undefined {
  if (list.length === 0) return undefined;
  const address = parseAddress(facts.address);
  let best: Match | undefined;
  for (const entry of list) {
    const found = match(entry, facts, address);
    if (found !== undefined && (best === undefined || found.strength > best.strength)) best = found;
  }
  return best;
}

/**
 * Exchange Online's certificate comes before everything else: the addresses it sends from belong to all of its
 * customers, so that none of them may be a tenant by address.
 */
export function identifyClient(sources: SourceList, facts: ClientFacts): ClientIdentity {
  const claims = claimsOf(sources, facts);
  if (claims.length > 0) return { kind: 'Candidate', claims };
  const best = strongest(sources.routes, facts);
  const held = strongest(sources.held, facts);
  if (held !== undefined && (best === undefined || held.strength > best.strength)) return { kind: 'Held' };
  if (best?.entry.route === undefined) return unverifiedOf(sources, facts) ?? INTERNET;
  return { kind: best.tlsMissing ? 'TlsMissing' : 'Tenant', route: best.entry.route };
}

/** A tenant that cannot prove itself today would else be a stranger, and all of its mail would bounce. */
function unverifiedOf(sources: SourceList, facts: ClientFacts): ClientIdentity | undefined {
  if (!facts.tls) return undefined;
  const address = parseAddress(facts.address);
  const named = sources.routes.find(
    ({ source: { clientCertificate, exchangeOnline, ...source }, cidrs }) =>
      clientCertificate !== undefined &&
      exchangeOnline === undefined &&
      longestPrefix(source, cidrs, address) !== undefined &&
      facts.certificateMatches({ ...clientCertificate, unverified: true }),
  );
  return named?.route && { kind: 'Held', unverified: named.route.name };
}

/** Whether its address is that of all customers of Exchange Online, so that nobody is to be counted by it. */
export function sharesItsAddress(client: ClientIdentity): boolean {
  return client.kind === 'Candidate' && client.claims.some(({ verified }) => verified);
}

/** Whether a certificate could make a difference for a client at this address: only then is it asked for one. */
export function couldNeedCertificate(sources: SourceList, clientAddress: string): boolean {
  const address = parseAddress(clientAddress);
  const matters = ({ source, cidrs }: CompiledSource) =>
    (source.clientCertificate !== undefined || source.exchangeOnline !== undefined) &&
    (source.cidrs.length === 0 || (address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address))));
  return sources.routes.some(matters) || sources.held.some(matters);
}
