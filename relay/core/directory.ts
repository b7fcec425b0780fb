/** A RelayConfig indexed for the questions a session asks; built once a revision, never changed. */

import type { RelayConfig, SharedDomainConfig, TenantRouteConfig } from './config.ts';
import { buildRuleIndex, type OutboundScope, type RuleIndex } from './rule-index.ts';
import type { PackedRules } from './rule-table.ts';
import { compileSources, type SourceList } from './source.ts';

export interface Directory {
  readonly config: RelayConfig;
  readonly rules: RuleIndex;
  readonly sources: SourceList;
  readonly sharedDomains: ReadonlyMap<string, SharedDomainConfig>;
  readonly tenantRoutes: ReadonlyMap<string, TenantRouteConfig>;
  /** TenantRoute → the shared domains it takes part in: what its outbound mail is rewritten for. */
  readonly sharedDomainsOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** Routing domain → the tenant it belongs to. */
  readonly routingDomains: ReadonlyMap<string, TenantRouteConfig>;
  readonly heldDomains: ReadonlySet<string>;
  readonly unresolvedHeld: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Scope of a tenant's outbound mail for one recipient domain. */
export function outboundScope(directory: Directory, route: TenantRouteConfig, recipientDomain?: string): OutboundScope {
  return { sharedDomains: directory.sharedDomainsOf.get(route.name) ?? NONE, recipientDomain };
}

/** `before`: of an earlier configuration, of which what is still there is used again. */
export function buildDirectory(config: RelayConfig, packed?: PackedRules, before?: Directory): Directory {
  const routingDomains = new Map<string, TenantRouteConfig>();
  for (const route of config.tenantRoutes) for (const domain of route.domains) routingDomains.set(domain, route);
  return {
    config,
    rules: buildRuleIndex(config, packed, before?.rules),
    sources: compileSources(config),
    sharedDomains: new Map(config.sharedDomains.map((domain) => [domain.domain, domain])),
    tenantRoutes: new Map(config.tenantRoutes.map((route) => [route.name, route])),
    sharedDomainsOf: new Map(config.tenantRoutes.map((route) => [route.name, new Set(route.sharedDomains)])),
    routingDomains,
    heldDomains: new Set(config.held.domains),
    unresolvedHeld: new Set(config.held.unresolvedOf),
  };
}
