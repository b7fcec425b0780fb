/**
 * What can be told of a resource that fails its schema: enough to hold what it seems to claim, and nothing that is in
 * force.
 */

import { PUBLIC_CLOUD_NAMES } from '../../crds/v1alpha1/exchange-online.ts';
import { formatMailbox, parseMailbox, toAsciiDomain } from '../../relay/core/address.ts';
import type { SourceConfig } from '../../relay/core/config.ts';
import { parseCidr } from '../../relay/core/network.ts';
import { Report } from './conditions.ts';
import type { FleetDraft } from './fleet.ts';
import type { InvalidResource } from './input.ts';
import type { RewriteRuleDraft, RuleSurroundings } from './rewrite-rule.ts';
import { NO_ROWS } from './rule-rows.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import type { TenantRouteDraft } from './tenant-route.ts';

export function invalidReport({ kind, namespace, name, problems }: InvalidResource): Report {
  const report = new Report(kind, namespace, name);
  for (const problem of problems) report.reject('Invalid', problem);
  if (problems.length === 0) report.reject('Invalid', 'It fails its schema.');
  return report;
}

export function invalidSharedDomain(
  resource: InvalidResource,
  fleets: ReadonlyMap<string, FleetDraft>,
): SharedDomainDraft {
  return {
    name: resource.name,
    created: resource.creationTimestamp,
    report: invalidReport(resource),
    spec: undefined,
    domain: toAsciiDomain(text(field(resource.spec, 'domain'))),
    fleet: fleets.get(text(field(field(resource.spec, 'fleetRef'), 'name')) || 'default'),
    config: undefined,
    unresolvedHeld: false,
  };
}

export function invalidTenantRoute(
  resource: InvalidResource,
  sharedDomains: ReadonlyMap<string, SharedDomainDraft>,
): TenantRouteDraft {
  const named = list(field(resource.spec, 'sharedDomainRefs')).map((each) =>
    sharedDomains.get(text(field(each, 'name'))),
  );
  const found = named.filter((draft) => draft !== undefined);
  return {
    name: resource.name,
    created: resource.creationTimestamp,
    report: invalidReport(resource),
    spec: undefined,
    fleet: found.find(({ fleet }) => fleet !== undefined)?.fleet,
    sharedDomains: found,
    domains: list(field(resource.spec, 'domains')).flatMap((each) => toAsciiDomain(text(each)) ?? []),
    sources: [],
    heldSources: list(field(resource.spec, 'sources')).flatMap(guessSource),
    nextHop: undefined,
    config: undefined,
  };
}

/**
 * What cannot be read is left out of the guess; an entry without anything that can be read would match every client.
 */
function guessSource(spec: unknown): SourceConfig[] {
  const cidrs = list(field(spec, 'cidrs')).flatMap((each) => {
    const cidr = parseCidr(text(each));
    return cidr !== undefined && cidr.prefixLength > 0 ? [text(each)] : [];
  });
  const names = list(field(field(spec, 'clientCertificate'), 'names')).map((each) => text(each).toLowerCase());
  if (names.length > 0) return [{ cidrs, tlsRequired: true, clientCertificate: { names, unverified: true } }];
  const exchangeOnline = field(spec, 'exchangeOnline');
  if (exchangeOnline !== undefined) return guessExchangeOnline(exchangeOnline, cidrs);
  return cidrs.length > 0 ? [{ cidrs, tlsRequired: false }] : [];
}

/** Its mail alone is put off, and not that of every customer: without the tenant's id nothing is. */
function guessExchangeOnline(spec: unknown, cidrs: string[]): SourceConfig[] {
  const tenantId = text(field(spec, 'tenantId')).trim().toLowerCase();
  if (tenantId === '') return [];
  const lowerCase = (name: string) => list(field(spec, name)).map((each) => text(each).toLowerCase());
  const named = lowerCase('certificateNames');
  const certificateNames = named.length > 0 ? named : [...PUBLIC_CLOUD_NAMES];
  const organizations = lowerCase('organizations');
  return [
    { cidrs, tlsRequired: true, exchangeOnline: { tenantId, organizations, certificateNames, unverified: true } },
  ];
}

export function invalidRewriteRule(resource: InvalidResource, around: RuleSurroundings): RewriteRuleDraft {
  const { spec } = resource;
  const addresses = list(field(spec, 'addresses')).flatMap((each) => [
    field(each, 'internal'),
    field(each, 'external'),
  ]);
  const internalDomain = toAsciiDomain(text(field(field(spec, 'domain'), 'internal')));
  return {
    name: resource.name,
    created: resource.creationTimestamp,
    report: invalidReport(resource),
    memory: around.memory.rule(resource),
    spec: undefined,
    sharedDomain: around.sharedDomains.get(text(field(field(spec, 'sharedDomainRef'), 'name'))),
    tenantRoute: around.tenantRoutes.get(text(field(field(spec, 'tenantRouteRef'), 'name'))),
    mode: field(spec, 'mode') === 'Audit' ? 'Audit' : 'Enforce',
    onlyTo: undefined,
    claimed: NO_ROWS,
    rows: NO_ROWS,
    lost: new Set(),
    formerRows: NO_ROWS,
    unreadable: true,
    confidential: false,
    rejected: 0,
    heldAddresses: addresses.flatMap((each) => {
      const parsed = parseMailbox(text(each));
      return parsed.ok ? [formatMailbox(parsed.value)] : [];
    }),
    heldTenantDomains: internalDomain === undefined ? [] : [internalDomain],
    sources: [],
    inForce: false,
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
