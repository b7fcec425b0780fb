/** The content hash of each resource that is in force: equal for what is stored and what is compiled when they say the same. */

import { createHmac, hash } from 'node:crypto';
import type { RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';

/** Keyed: rows may come from Secrets, and the hashes stand in statuses. */
export type KeyedHash = (text: string) => string;

export function keyedHash(key: string): KeyedHash {
  return (text) => createHmac('sha256', key).update(text, 'utf8').digest('hex');
}

export function partsOf(config: RelayConfig, rulePart: (rule: RewriteRuleConfig) => string): Map<string, string> {
  const { fleet, sharedDomains, tenantRoutes, rewriteRules } = config;
  const parts = new Map([[`RelayFleet/${fleet.name}`, plainHash(canonical(fleet))]]);
  for (const domain of sharedDomains) parts.set(`SharedDomain/${domain.name}`, plainHash(canonical(domain)));
  for (const route of tenantRoutes) parts.set(`TenantRoute/${route.name}`, plainHash(canonical(route)));
  for (const rule of rewriteRules) parts.set(`RewriteRule/${rule.name}`, rulePart(rule));
  return parts;
}

/** What can be read in the resources themselves; credentials are in it by ids that are keyed already. */
function plainHash(text: string): string {
  return hash('sha256', text);
}

/** JSON with sorted keys: what comes from elsewhere has its fields in another order. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`;
}
