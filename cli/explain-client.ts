/**
 * Who the client is, and why each source did or did not recognise it: the relay is asked about all sources, then about
 * each of them alone.
 */

import type { SourceConfig, TenantRouteConfig } from '../relay/core/config.ts';
import type { Directory } from '../relay/core/directory.ts';
import { type ClientFacts, type ClientIdentity, compileSources, identifyClient } from '../relay/core/source.ts';

export interface SourceAccount {
  /** undefined: of something that is not in force. */
  readonly tenantRoute: string | undefined;
  /** Counted from 1, within its route. */
  readonly number: number;
  readonly demands: readonly string[];
  readonly verdict: 'Matches' | 'TlsMissing' | 'Weaker' | 'NoMatch';
  readonly reason: string;
}

export interface ClientAccount {
  readonly address: string;
  readonly tls: boolean;
  readonly certificate: string | undefined;
  /** Before the header is read. */
  readonly identity: ClientIdentity['kind'];
  readonly tenantRoute: string | undefined;
  readonly sources: readonly SourceAccount[];
}

/** What a client shows: the facts, and the name of its certificate. */
export interface ShownClient extends ClientFacts {
  readonly certificate: string | undefined;
}

export function explainClient(directory: Directory, shown: ShownClient): ClientAccount {
  const { config } = directory;
  const identity = identifyClient(directory.sources, shown);
  const routes = config.tenantRoutes.flatMap((route) =>
    route.sources.map((source, index) => explainSource(directory, shown, identity, { route, source, index })),
  );
  const held = config.held.sources.map((source, index) =>
    explainSource(directory, shown, identity, { route: undefined, source, index }),
  );
  return {
    address: shown.address,
    tls: shown.tls,
    certificate: shown.certificate,
    identity: identity.kind,
    tenantRoute: routeOf(identity)?.name,
    sources: [...routes, ...held],
  };
}

interface Entry {
  readonly route: TenantRouteConfig | undefined;
  readonly source: SourceConfig;
  readonly index: number;
}

function explainSource(directory: Directory, shown: ShownClient, whole: ClientIdentity, entry: Entry): SourceAccount {
  const alone = identifyAlone(directory, shown, entry, entry.source);
  const { route, source, index } = entry;
  const account = { tenantRoute: route?.name, number: index + 1, demands: demandsOf(source) };
  if (alone.kind === 'Internet') {
    return { ...account, verdict: 'NoMatch', reason: shortcomings(directory, shown, entry).join('; ') };
  }
  if (alone.kind !== whole.kind || routeOf(alone)?.name !== routeOf(whole)?.name) {
    return { ...account, verdict: 'Weaker', reason: weakness(whole) };
  }
  if (alone.kind === 'TlsMissing') {
    return { ...account, verdict: 'TlsMissing', reason: 'the address matches, but it takes mail over TLS only' };
  }
  const reason =
    alone.kind === 'Candidate' ? 'its certificate holds; the tenant is still to be proven' : 'all of it holds';
  return { ...account, verdict: 'Matches', reason };
}

/** What the relay would say if this were the only source. */
function identifyAlone({ config }: Directory, shown: ShownClient, entry: Entry, source: SourceConfig): ClientIdentity {
  const { route } = entry;
  const sources = compileSources({
    ...config,
    tenantRoutes: route === undefined ? [] : [{ ...route, sources: [source] }],
    held: { ...config.held, sources: route === undefined ? [source] : [] },
  });
  return identifyClient(sources, shown);
}

function shortcomings(directory: Directory, shown: ShownClient, entry: Entry): string[] {
  const { cidrs, clientCertificate, exchangeOnline } = entry.source;
  const found: string[] = [];
  const byAddress = { cidrs, tlsRequired: false };
  if (cidrs.length > 0 && identifyAlone(directory, shown, entry, byAddress).kind === 'Internet') {
    found.push(`${shown.address} is not in ${cidrs.join(', ')}`);
  }
  for (const names of [clientCertificate?.names, exchangeOnline?.certificateNames]) {
    if (names === undefined || shown.certificateMatches({ names })) continue;
    found.push(certificateShortcoming(shown, names));
  }
  return found.length > 0 ? found : ['it names nothing to recognise a client by'];
}

function certificateShortcoming({ tls, certificate }: ShownClient, names: readonly string[]): string {
  if (!tls) return 'without TLS the client shows no certificate';
  if (certificate === undefined) return 'the client shows no certificate';
  return `the certificate is for ${certificate}, not for ${names.join(' or ')}`;
}

function weakness(whole: ClientIdentity): string {
  switch (whole.kind) {
    case 'Candidate':
      return "matches, but Exchange Online's certificate goes first: its addresses are those of all its customers";
    case 'Tenant':
    case 'TlsMissing':
    case 'Held':
    case 'Internet':
      return 'matches, but another proves more: a certificate goes before an address, a longer prefix before a shorter';
  }
}

function demandsOf({ cidrs, tlsRequired, clientCertificate, exchangeOnline }: SourceConfig): string[] {
  const certificates = [clientCertificate?.names, exchangeOnline?.certificateNames].filter(
    (names) => names !== undefined,
  );
  return [
    ...(cidrs.length > 0 ? [`address in ${cidrs.join(', ')}`] : []),
    ...(tlsRequired && certificates.length === 0 ? ['TLS'] : []),
    ...certificates.map((names) => `certificate for ${names.join(' or ')}`),
    ...(exchangeOnline === undefined ? [] : [`Exchange Online tenant ${exchangeOnline.tenantId}`]),
  ];
}

function routeOf(identity: ClientIdentity): TenantRouteConfig | undefined {
  return identity.kind === 'Tenant' || identity.kind === 'TlsMissing' ? identity.route : undefined;
}
