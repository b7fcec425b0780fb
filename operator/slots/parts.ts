/** The content hash of each resource that is in force: equal for what is stored and what is compiled when they say the same. */

import { createHmac } from 'node:crypto';
import type { RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';

/** Keyed: rows may come from Secrets, and the hashes stand in statuses. */
export type KeyedHash = (text: string) => string;

export function keyedHash(key: string): KeyedHash {
  return (text) => createHmac('sha256', key).update(text, 'utf8').digest('hex');
}

export function partsOf(
  config: RelayConfig,
  hash: KeyedHash,
  rulePart: (rule: RewriteRuleConfig) => string,
): Map<string, string> {
  const { fleet, sharedDomains, tenantRoutes, rewriteRules } = config;
  const parts = new Map([[`RelayFleet/${fleet.name}`, hash(canonical(fleet))]]);
  for (const domain of sharedDomains) parts.set(`SharedDomain/${domain.name}`, hash(canonical(domain)));
  for (const route of tenantRoutes) parts.set(`TenantRoute/${route.name}`, hash(canonical(route)));
  for (const rule of rewriteRules) parts.set(`RewriteRule/${rule.name}`, rulePart(rule));
  return parts;
}

/** JSON with sorted keys: what was read back has its fields in another order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
