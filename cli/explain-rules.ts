/** Rows of rewriting rules in words: what each says, and why it did or did not apply. */

import type { Mailbox } from '../relay/core/address.ts';
import { type Directory, outboundScope } from '../relay/core/directory.ts';
import type { TenantRouteConfig } from '../relay/core/config.ts';
import { explainInbound, explainOutbound, type RowAccount, type RowVerdict } from '../relay/core/rule-explanation.ts';

export interface RuleAccount {
  /** metadata.name of the RewriteRule. */
  readonly rule: string;
  readonly tenantRoute: string;
  readonly kind: RowAccount['kind'];
  /** What the row rewrites, and into what. */
  readonly from: string;
  readonly to: string;
  readonly verdict: RowVerdict;
  readonly reason: string;
}

type Words = Readonly<Record<RowVerdict, string>>;

const WORDS: Words = {
  Applied: 'applies',
  OtherDirection: 'is for the other direction',
  OtherSharedDomain: 'its shared domain is none that the sending tenant takes part in',
  OtherRecipients: "its onlyTo does not name the recipient's domain",
  SubdomainsExcluded: 'is for that domain alone, not for domains below it',
  Exception: 'its exceptions leave this domain alone',
  Flattens: 'makes one domain of many, which cannot be undone: it is for outbound mail only',
  Audit: 'is in Audit mode: it would rewrite, and changes nothing',
  Farther: 'would apply, but another row goes first',
};

const INBOUND: Words = { ...WORDS, OtherDirection: 'is for outbound mail only' };
const OUTBOUND: Words = { ...WORDS, OtherDirection: 'is for inbound mail only' };

/** What speaks of an address as a recipient. */
export function inboundRules({ config, rules }: Directory, mailbox: Mailbox): RuleAccount[] {
  return explainInbound(config, rules, mailbox).rows.map(({ internal, external, ...row }) => ({
    ...row,
    from: external,
    to: internal,
    reason: INBOUND[row.verdict],
  }));
}

/** What speaks of an address as the sender, for a recipient's domain. */
export function outboundRules(
  directory: Directory,
  route: TenantRouteConfig,
  mailbox: Mailbox,
  recipientDomain: string | undefined,
): RuleAccount[] {
  const scope = outboundScope(directory, route, recipientDomain);
  const { rows } = explainOutbound(directory.config, directory.rules, mailbox, scope);
  return rows.map(({ internal, external, ...row }) => ({
    ...row,
    from: internal,
    to: external,
    reason: OUTBOUND[row.verdict],
  }));
}
