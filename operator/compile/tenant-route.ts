/** What a TenantRoute comes to: its domains, next hop and sources in force, or left out and held. */

import type { TenantRoute, TenantRouteSpec } from '../../crds/v1alpha1/tenant-route.ts';
import { isSubdomainOf, toAsciiDomain } from '../../relay/core/address.ts';
import type { NextHopConfig, SourceConfig, TenantRouteConfig } from '../../relay/core/config.ts';
import { Report } from './conditions.ts';
import type { FleetDraft } from './fleet.ts';
import type { Platform } from './input.ts';
import { compileNextHop } from './next-hop.ts';
import { type Aged, sortedUnique } from './order.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import { compileSources } from './sources.ts';

export interface TenantRouteDraft extends Aged {
  readonly report: Report;
  /** undefined: it fails its schema. */
  readonly spec: TenantRouteSpec | undefined;
  readonly fleet: FleetDraft | undefined;
  /** Those it names and that exist. */
  readonly sharedDomains: readonly SharedDomainDraft[];
  /** As it names them, in their order; those that another route holds are taken out. */
  domains: readonly string[];
  sources: readonly SourceConfig[];
  readonly heldSources: readonly SourceConfig[];
  readonly nextHop: NextHopConfig | undefined;
  /** undefined: left out. */
  config: TenantRouteConfig | undefined;
}

export function draftTenantRoute(
  resource: TenantRoute,
  sharedDomains: ReadonlyMap<string, SharedDomainDraft>,
): TenantRouteDraft {
  const { name, namespace = '', creationTimestamp } = resource.metadata;
  const report = new Report('TenantRoute', namespace, name);
  const { spec } = resource;
  const taken = findSharedDomains(spec, sharedDomains, report);
  const fleet = oneFleet(taken, report);
  const nextHop = fleet && compileNextHop(spec.nextHop, { ...spec.limits }, fleet.secrets, report, 'spec.nextHop');
  const sources = fleet && compileSources(spec.sources ?? [], fleet, report);
  return {
    name,
    created: creationTimestamp,
    report,
    spec,
    fleet,
    sharedDomains: taken,
    domains: readDomains(spec, report),
    sources: sources?.usable ?? [],
    heldSources: sources?.held ?? [],
    nextHop,
    config: undefined,
  };
}

function findSharedDomains(
  spec: TenantRouteSpec,
  sharedDomains: ReadonlyMap<string, SharedDomainDraft>,
  report: Report,
): SharedDomainDraft[] {
  const found: SharedDomainDraft[] = [];
  for (const [index, { name }] of spec.sharedDomainRefs.entries()) {
    const path = `spec.sharedDomainRefs[${index}].name`;
    const sharedDomain = sharedDomains.get(name);
    if (sharedDomain === undefined) {
      report.unresolved('NotFound', `SharedDomain "${name}" does not exist in namespace "${report.namespace}".`, {
        path,
      });
      continue;
    }
    found.push(sharedDomain);
    if (sharedDomain.config === undefined) {
      const message = `SharedDomain "${name}" is not in force: ${sharedDomain.report.problem ?? ''}`;
      report.unresolved(sharedDomain.report.unusable, message, { path, follows: true });
    }
  }
  return found;
}

/** A route's next hop, connections and sources belong to one pool of relays. */
function oneFleet(sharedDomains: readonly SharedDomainDraft[], report: Report): FleetDraft | undefined {
  const fleets = [...new Set(sharedDomains.map((sharedDomain) => sharedDomain.fleet))].filter(
    (fleet) => fleet !== undefined,
  );
  if (fleets.length <= 1) return fleets[0];
  const names = sortedUnique(fleets.map((fleet) => `"${fleet.name}"`)).join(' and ');
  const message = `Its shared domains are on different fleets, ${names}: make a TenantRoute for each fleet.`;
  report.reject('Invalid', message, 'spec.sharedDomainRefs');
  return undefined;
}

function readDomains(spec: TenantRouteSpec, report: Report): string[] {
  const domains: string[] = [];
  for (const [index, text] of (spec.domains ?? []).entries()) {
    const path = `spec.domains[${index}]`;
    const domain = toAsciiDomain(text);
    if (domain === undefined) {
      report.rejectField(path, `"${text}" is no domain name.`);
      continue;
    }
    if (isSubdomainOf(domain, 'onmicrosoft.com')) {
      const message =
        `${domain} belongs to Microsoft, which lets it write to 100 external recipients a day: ` +
        'use a domain of your own.';
      report.advise('warning', message, path);
    }
    domains.push(domain);
  }
  return [...new Set(domains)];
}

/** Puts it in force, after names that two routes claim were given to one of them. */
export function compileTenantRoute(draft: TenantRouteDraft, platform: Platform): void {
  const { spec, fleet, nextHop, report } = draft;
  if (spec === undefined || fleet === undefined || !report.accepted) return;
  const mxOf = nextHop?.mxOf;
  const loop = draft.sharedDomains.find(({ domain }) => domain !== undefined && domain === mxOf);
  if (loop !== undefined) {
    const message =
      `the MX of ${mxOf} is this relay, as SharedDomain "${loop.name}" is that domain. ` +
      "Name the tenant's own hosts.";
    report.rejectField('spec.nextHop.mxOf', message);
    return;
  }
  if (nextHop === undefined) return;
  const route = {
    name: draft.name,
    sharedDomains: sortedUnique(
      draft.sharedDomains.flatMap(({ config }) => (config === undefined ? [] : [config.domain])),
    ),
    domains: [...draft.domains],
    nextHop,
    sources: [...draft.sources],
    fromInternet: spec.fromInternet,
    ...(spec.recipientCheck === 'AtRcpt' && { recipientCheck: spec.recipientCheck }),
  };
  // Of the content, not metadata.generation: a changed Secret must empty the pool as well (mail-flow §7).
  draft.config = { ...route, generation: platform.hash(JSON.stringify(route.nextHop)) };
}
