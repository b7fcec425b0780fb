/** Who is the client? Matches a connection against the sources of all tenant routes; whoever matches nothing is the internet. */

import type { RelayConfig, SourceConfig, TenantRouteConfig } from './config.ts';
import { type Cidr, cidrContains, parseAddress, parseCidr } from './network.ts';

export type ClientIdentity =
  | { readonly kind: 'Internet' }
  | { readonly kind: 'Tenant'; readonly route: TenantRouteConfig }
  /** The best match demands TLS, and the session has none. */
  | { readonly kind: 'TlsMissing'; readonly route: TenantRouteConfig }
  /** It matches a source of a route that is left out. */
  | { readonly kind: 'Held' };

export interface ClientFacts {
  readonly address: string;
  readonly tls: boolean;
  /** Whether the client's certificate, verified, is one of these names; false without a certificate. */
  certificateMatches(demand: NonNullable<SourceConfig['clientCertificate']>): boolean;
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
  let prefix = 0;
  if (source.cidrs.length > 0) {
    if (address === undefined) return undefined;
    const lengths = cidrs.filter((cidr) => cidrContains(cidr, address)).map((cidr) => cidr.prefixLength + 1);
    if (lengths.length === 0) return undefined;
    prefix = Math.max(...lengths);
  }
  const demand = source.clientCertificate;
  const tlsMissing = !facts.tls && (source.tlsRequired || demand !== undefined);
  // A certificate alone says nothing about a client that speaks clear text: that is the whole internet.
  if (tlsMissing) return prefix === 0 ? undefined : { entry, tlsMissing, strength: prefix };
  if (demand === undefined) return prefix === 0 ? undefined : { entry, tlsMissing, strength: prefix };
  if (!facts.certificateMatches(demand)) return undefined;
  return { entry, tlsMissing, strength: WITH_CERTIFICATE + prefix };
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

export function identifyClient(sources: SourceList, facts: ClientFacts): ClientIdentity {
  const best = strongest(sources.routes, facts);
  const held = strongest(sources.held, facts);
  if (held !== undefined && (best === undefined || held.strength > best.strength)) return { kind: 'Held' };
  if (best?.entry.route === undefined) return INTERNET;
  return { kind: best.tlsMissing ? 'TlsMissing' : 'Tenant', route: best.entry.route };
}

/** Whether a certificate could make a difference for a client at this address: only then is it asked for one. */
export function couldNeedCertificate(sources: SourceList, clientAddress: string): boolean {
  const address = parseAddress(clientAddress);
  const matters = ({ source, cidrs }: CompiledSource) =>
    source.clientCertificate !== undefined &&
    (source.cidrs.length === 0 || (address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address))));
  return sources.routes.some(matters) || sources.held.some(matters);
}
