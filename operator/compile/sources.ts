/** By what a tenant's mail is recognised: reads sources, with the authorities that vouch for certificates. */

import type { TenantRouteSpec } from '../../crds/v1alpha1/tenant-route.ts';
import type { SourceConfig } from '../../relay/core/config.ts';
import { EXCHANGE_RANGES } from '../../relay/core/exchange-ranges.ts';
import { cidrContains, parseCidr } from '../../relay/core/network.ts';
import type { Report } from './conditions.ts';
import { type KeyReference, take } from './credentials.ts';
import type { FleetDraft } from './fleet.ts';
import { sortedUnique } from './order.ts';

type SourceSpec = NonNullable<TenantRouteSpec['sources']>[number];

const EXCHANGE = EXCHANGE_RANGES.flatMap((text) => parseCidr(text) ?? []);
const UNREAD: Trust = { readable: false, trust: { unverified: true } };

export interface CompiledSources {
  readonly usable: SourceConfig[];
  /** Their authorities cannot be read: a client that shows such a name may be the tenant, so it is put off. */
  readonly held: SourceConfig[];
}

export function compileSources(specs: readonly SourceSpec[], fleet: FleetDraft, report: Report): CompiledSources {
  const usable: SourceConfig[] = [];
  const held: SourceConfig[] = [];
  for (const [index, spec] of specs.entries()) {
    const path = `spec.sources[${index}]`;
    if (spec.cidrs === undefined && spec.clientCertificate === undefined && spec.exchangeOnline === undefined) {
      report.rejectField(path, 'set cidrs, clientCertificate or exchangeOnline.');
      continue;
    }
    if (spec.clientCertificate !== undefined && spec.exchangeOnline !== undefined) {
      report.rejectField(path, 'set clientCertificate or exchangeOnline, not both.');
      continue;
    }
    const others = refuseSharedAddresses(spec, report, path);
    if (others?.cidrs?.length === 0) continue;
    if (others !== undefined) {
      held.push(compileSource(others, fleet, report, path).source);
      continue;
    }
    const { source, readable } = compileSource(spec, fleet, report, path);
    (readable ? usable : held).push(source);
  }
  return { usable, held };
}

/**
 * Whoever has an account there would be this tenant: an open relay for all of Exchange Online's customers. The others
 * of the entry's addresses are given back, so that they can be held.
 */
function refuseSharedAddresses(spec: SourceSpec, report: Report, path: string): SourceSpec | undefined {
  const { cidrs = [], exchangeOnline, clientCertificate } = spec;
  if (exchangeOnline !== undefined || clientCertificate !== undefined) return undefined;
  const shared = [...cidrs.entries()].filter(([, cidr]) => meetsExchange(cidr));
  for (const [index, cidr] of shared) {
    const message =
      `all customers of Exchange Online send from addresses in ${cidr}, so that all of them would be this tenant: ` +
      'set exchangeOnline with its tenantId.';
    report.rejectField(`${path}.cidrs[${index}]`, message);
  }
  return shared.length === 0 ? undefined : { ...spec, cidrs: cidrs.filter((cidr) => !meetsExchange(cidr)) };
}

function meetsExchange(text: string): boolean {
  const cidr = parseCidr(text);
  if (cidr === undefined) return false;
  return EXCHANGE.some((range) => cidrContains(range, cidr.network) || cidrContains(cidr, range.network));
}

function compileSource(spec: SourceSpec, fleet: FleetDraft, report: Report, path: string) {
  const cidrs = sortedUnique(spec.cidrs ?? []);
  const { clientCertificate, exchangeOnline } = spec;
  if (exchangeOnline !== undefined) {
    const { readable, trust } = compileTrust(exchangeOnline, fleet, report, `${path}.exchangeOnline`);
    const { tenantId, organizations = [], certificateNames } = exchangeOnline;
    const names = { organizations: sortedUnique(organizations), certificateNames: sortedUnique(certificateNames) };
    return { source: { cidrs, tlsRequired: true, exchangeOnline: { tenantId, ...names, ...trust } }, readable };
  }
  if (clientCertificate !== undefined) {
    const { readable, trust } = compileTrust(clientCertificate, fleet, report, `${path}.clientCertificate`);
    const names = sortedUnique(clientCertificate.names);
    return { source: { cidrs, tlsRequired: true, clientCertificate: { names, ...trust } }, readable };
  }
  return { source: { cidrs, tlsRequired: spec.tls === 'Required' }, readable: true };
}

interface Trust {
  /** Whether the authorities could be read. */
  readonly readable: boolean;
  readonly trust: { ca?: string; unverified?: boolean };
}

/** The authorities that an entry names, else the fleet's. */
function compileTrust(
  { caSecretRef }: { readonly caSecretRef?: KeyReference | undefined },
  fleet: FleetDraft,
  report: Report,
  path: string,
): Trust {
  if (caSecretRef !== undefined) {
    const ca = take(report, `${path}.caSecretRef`, fleet.secrets.authorities(caSecretRef));
    return ca === undefined ? UNREAD : { readable: true, trust: { ca } };
  }
  const { id, unread } = fleet.clientCa;
  if (!unread) return { readable: true, trust: id === undefined ? {} : { ca: id } };
  const message = `The client authorities of RelayFleet "${fleet.name}" cannot be read.`;
  report.unresolved(fleet.report.unusable, message, { path, follows: true });
  return UNREAD;
}
