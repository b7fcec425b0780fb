/**
 * By what a tenant's mail is recognised: reads sources, says which names they claim, and takes lost names out again.
 */

import type { TenantRouteSpec } from '../../crds/v1alpha1/tenant-route.ts';
import type { SourceConfig } from '../../relay/core/config.ts';
import type { Report } from './conditions.ts';
import { take } from './credentials.ts';
import type { FleetDraft } from './fleet.ts';
import { sortedUnique } from './order.ts';

type SourceSpec = NonNullable<TenantRouteSpec['sources']>[number];

/** Stands for "any address" and "no certificate" among the parts of a claim. */
const ANY = '*';

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
    if (spec.cidrs === undefined && spec.clientCertificate === undefined) {
      report.rejectField(path, 'set cidrs, clientCertificate or both.');
      continue;
    }
    const { source, readable } = compileSource(spec, fleet, report, path);
    (readable ? usable : held).push(source);
  }
  return { usable, held };
}

function compileSource(spec: SourceSpec, fleet: FleetDraft, report: Report, path: string) {
  const cidrs = sortedUnique(spec.cidrs ?? []);
  const demand = spec.clientCertificate;
  if (demand === undefined) return { source: { cidrs, tlsRequired: spec.tls === 'Required' }, readable: true };
  const names = sortedUnique(demand.names.map((name) => name.toLowerCase()));
  const { caSecretRef } = demand;
  const own =
    caSecretRef && take(report, `${path}.clientCertificate.caSecretRef`, fleet.secrets.authorities(caSecretRef));
  const unread = caSecretRef === undefined ? fleet.clientCa.unread : own === undefined;
  if (caSecretRef === undefined && unread) {
    const message = `The client authorities of RelayFleet "${fleet.name}" cannot be read.`;
    report.unresolved(fleet.report.unusable, message, { path, follows: true });
  }
  const ca = caSecretRef === undefined ? fleet.clientCa.id : own;
  const clientCertificate = { names, ...(ca !== undefined && { ca }), ...(unread && { unverified: true }) };
  return { source: { cidrs, tlsRequired: true, clientCertificate }, readable: !unread };
}

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

export function sourceClaims(source: SourceConfig): string[] {
  return pairs(source).map((pair) => claimKey(source, pair));
}

/** A claim in words. */
export function describeClaim(key: string): string {
  const [cidr, name] = key.split(' ');
  if (name === ANY) return `${cidr}`;
  return cidr === ANY ? `certificate name ${name}` : `certificate name ${name} from ${cidr}`;
}

/**
 * The sources without the pairs that another route holds; entries are split where only some of their pairs are lost.
 */
export function withoutClaims(sources: readonly SourceConfig[], lost: ReadonlySet<string>): SourceConfig[] {
  return sources.flatMap((source) => {
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
