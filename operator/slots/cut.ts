/** Cuts rules and addresses into texts of a bounded size, so that one changed row changes one of them. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import type { AddressRows } from '../../relay/core/pieces.ts';
import { textHash } from '../../relay/core/text-hash.ts';
import { compareText } from '../compile/order.ts';

/** About 12 KB of gzip: small beside a slot, large beside what gzip needs to find repetitions. */
const ROWS = 1024;

/** The rows of a rule in parts, whatever their order was. */
export function cutRows(rule: RewriteRuleConfig): AddressRows[] {
  return cutByHash(rule.addresses, ([internal]) => internal).map((some) => some.sort(compareRows));
}

/** With its fields in one order, wherever it came from. */
export function ruleWith(rule: RewriteRuleConfig, addresses: AddressRows, domains: RewriteRuleConfig['domains']) {
  const { name, sharedDomain, tenantRoute, mode, onlyTo } = rule;
  return {
    name,
    sharedDomain,
    tenantRoute,
    mode,
    ...(onlyTo && { onlyTo }),
    addresses,
    domains: domains.map(({ internal, external, includeSubdomains, direction, exceptions }) => {
      return { internal, external, includeSubdomains, direction, exceptions };
    }),
  };
}

export function cutAddresses(addresses: readonly string[]): string[][] {
  if (addresses.length === 0) return [];
  return cutByHash(addresses, (address) => address).map((some) => some.sort(compareText));
}

/** A power of two of parts: one more row cuts them anew only when it crosses one. */
function cutByHash<T>(all: readonly T[], text: (one: T) => string): T[][] {
  if (all.length <= ROWS) return [[...all]];
  const count = 2 ** Math.ceil(Math.log2(all.length / ROWS));
  const parts: T[][] = Array.from({ length: count }, () => []);
  for (const one of all) parts[textHash(text(one)) % count]?.push(one);
  return parts;
}

function compareRows(a: AddressRows[number], b: AddressRows[number]): number {
  return compareText(a[0], b[0]) || compareText(a[1], b[1]) || compareText(a[2], b[2]);
}
