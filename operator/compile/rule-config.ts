/** A rule as configurations hold it: the very same object for as long as nothing of it changes. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import type { FleetDraft } from './fleet.ts';
import type { Last } from './last.ts';
import { fleetOfRule, type Namespace } from './namespace.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import type { RuleRows } from './rule-rows.ts';

/** Empty unless it is in force. */
export function ruleConfig(draft: RewriteRuleDraft): RewriteRuleConfig[] {
  const { sharedDomain, tenantRoute } = draft;
  if (!draft.inForce || sharedDomain?.config === undefined || tenantRoute === undefined) return [];
  return [writeRule(draft, [draft.rows], draft.memory.inForce)];
}

/** Rules of which rows cannot be read now, with what is to be remembered of them. */
export function unreadableRules(fleet: FleetDraft, content: Namespace): RewriteRuleConfig[] {
  const drafts = content.rewriteRules.filter((draft) => fleetOfRule(draft) === fleet && draft.formerRows.length > 0);
  return drafts.map((draft) => {
    const { rows, formerRows, inForce } = draft;
    return writeRule(draft, inForce ? [formerRows] : [rows, formerRows], draft.memory.unreadable);
  });
}

function writeRule(
  draft: RewriteRuleDraft,
  all: readonly RuleRows[],
  last: Last<RewriteRuleConfig>,
): RewriteRuleConfig {
  const { name, mode, onlyTo } = draft;
  const sharedDomain = draft.sharedDomain?.domain ?? '';
  const tenantRoute = draft.tenantRoute?.name ?? '';
  const madeOf = [sharedDomain, tenantRoute, mode, onlyTo?.join(' '), ...all];
  return last.of(madeOf, () => ({
    name,
    sharedDomain,
    tenantRoute,
    mode,
    ...(onlyTo && { onlyTo: [...onlyTo] }),
    addresses: addressesOf(all),
    domains: all
      .flatMap(({ domains }) => domains)
      .map(({ internal, external, includeSubdomains, direction, exceptions }) => {
        return { internal, external, includeSubdomains, direction, exceptions: [...exceptions] };
      }),
  }));
}

/** Not copied: a million rows are in memory once. */
function addressesOf(all: readonly RuleRows[]): RewriteRuleConfig['addresses'] {
  const [only] = all;
  const addresses = only !== undefined && all.length === 1 ? only.addresses : all.flatMap((rows) => rows.addresses);
  return addresses as RewriteRuleConfig['addresses'];
}
