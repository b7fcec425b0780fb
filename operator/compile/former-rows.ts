/** Rows that a rule had in the running configuration stay claimed while they cannot be read. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import { ClaimMap, claimsOfRow } from './row-claims.ts';
import type { Row } from './rows.ts';
import { domainRowsOf, FORMER_PLACE } from './running.ts';
import { addressRow, NO_ROWS, RuleRows } from './rule-rows.ts';

/** `former`: what is in force of it, then what was before. */
export function recallRows(draft: RewriteRuleDraft, former: readonly RewriteRuleConfig[]): void {
  if (former.length === 0) return;
  const { mode, onlyTo, claimed, memory } = draft;
  const madeOf = [claimed, mode, onlyTo?.join(' '), ...former];
  draft.formerRows = memory.recalled.of(madeOf, () => unclaimedRows(draft, former));
}

/** Each row that claims nothing which the rule claims already. */
function unclaimedRows({ mode, onlyTo, claimed }: RewriteRuleDraft, former: readonly RewriteRuleConfig[]): RuleRows {
  const claimant = { mode, onlyTo };
  const taken = new ClaimMap<true>();
  const take = (row: Row): boolean => {
    const claims = claimsOfRow(row, claimant);
    const isNew = !claims.some((claim) => taken.has(claim));
    for (const claim of claims) taken.set(claim, true);
    return isNew;
  };
  for (let row = 0; row < claimed.length; row++) take(claimed.row(row));
  const domains = former.flatMap(domainRowsOf).filter(take);
  const addresses = former
    .flatMap((rule) => rule.addresses)
    .filter((address) => take(addressRow(address, FORMER_PLACE)));
  if (addresses.length + domains.length === 0) return NO_ROWS;
  return new RuleRows(claimant, addresses, domains, () => FORMER_PLACE);
}
