/** Two former states of one rule as one, so that what either held stays held. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import { ClaimMap, claimsOfRow } from './row-claims.ts';
import type { Row } from './rows.ts';
import { domainRowsOf, FORMER_PLACE, rowsOf } from './running.ts';
import { addressRow } from './rule-rows.ts';

/** `near` with the rows of `far` that claim nothing it claims; the very same object when either has all of the other. */
export function joinedRule(near: RewriteRuleConfig, far: RewriteRuleConfig): RewriteRuleConfig {
  if (near === far || hasAll(far, near)) return far;
  const taken = new ClaimMap<true>();
  for (const row of rowsOf(near)) for (const claim of claimsOfRow(row, near)) taken.set(claim, true);
  const isFree = (row: Row) => !claimsOfRow(row, near).some((claim) => taken.has(claim));
  const addresses = far.addresses.filter((address) => isFree(addressRow(address, FORMER_PLACE)));
  const free = new Set(domainRowsOf(far).flatMap((row, at) => (isFree(row) ? [at] : [])));
  const domains = far.domains.filter((_, at) => free.has(at));
  if (addresses.length + domains.length === 0) return near;
  return { ...near, addresses: [...near.addresses, ...addresses], domains: [...near.domains, ...domains] };
}

/** And means the same by it. */
function hasAll(rule: RewriteRuleConfig, other: RewriteRuleConfig): boolean {
  const { addresses, domains, ...terms } = rule;
  const { addresses: otherAddresses, domains: otherDomains, ...otherTerms } = other;
  if (JSON.stringify(terms) !== JSON.stringify(otherTerms)) return false;
  const rows = new Set([...addresses, ...domains].map((row) => JSON.stringify(row)));
  return [...otherAddresses, ...otherDomains].every((row) => rows.has(JSON.stringify(row)));
}
