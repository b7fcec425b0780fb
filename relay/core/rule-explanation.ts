/**
 * Why each rule that speaks of an address did or did not rewrite it. The rule index decides; this only says in which
 * way every other row fell short.
 */

import { formatMailbox, isSubdomainOf, lowerAscii, type Mailbox } from './address.ts';
import type { Direction, RelayConfig, RewriteRuleConfig } from './config.ts';
import { addressKeys, type OutboundScope, type RuleIndex, type RuleMatch } from './rule-index.ts';

/** In the order in which they are looked at: the first that holds is told. */
export type RowVerdict =
  /** It rewrites the address. */
  | 'Applied'
  /** It is for the other direction. */
  | 'OtherDirection'
  /** Its shared domain is none that the sending tenant takes part in. */
  | 'OtherSharedDomain'
  /** `onlyTo` does not name the recipient's domain. */
  | 'OtherRecipients'
  /** It is for the domain alone, and the address lies below it. */
  | 'SubdomainsExcluded'
  /** It leaves the address's domain alone. */
  | 'Exception'
  /** It flattens subdomains, which cannot be undone: outbound only. */
  | 'Flattens'
  /** It is in Audit mode: it would rewrite, and changes nothing. */
  | 'Audit'
  /** It would rewrite the address, but another row is closer to it. */
  | 'Farther';

export interface RowAccount {
  /** metadata.name of the RewriteRule. */
  readonly rule: string;
  readonly tenantRoute: string;
  readonly kind: 'Address' | 'Domain';
  /** As the row says it; `*.` in front when it speaks of everything below as well. */
  readonly internal: string;
  readonly external: string;
  readonly verdict: RowVerdict;
}

export interface RuleExplanation {
  readonly match: RuleMatch | undefined;
  /** Every row that speaks of the address: the one that applies, then the closest. */
  readonly rows: readonly RowAccount[];
}

interface Row {
  readonly rule: RewriteRuleConfig;
  readonly kind: 'Address' | 'Domain';
  readonly internal: string;
  readonly external: string;
  readonly direction: Direction;
  readonly includeSubdomains: boolean;
  readonly exceptions: readonly string[];
  /** How far it is from the address: an address, then it without its tag, its domain, the domains above. */
  readonly distance: number;
}

const WHOLE_ADDRESS = { includeSubdomains: false, exceptions: [] };

type Shortcoming = (row: Row) => Exclude<RowVerdict, 'Applied' | 'Audit' | 'Farther'> | undefined;

/** Shared to tenant address: what a recipient becomes. */
export function explainInbound(config: RelayConfig, rules: RuleIndex, mailbox: Mailbox): RuleExplanation {
  const rows = rowsAbout(config, mailbox, 'external', (row) => row.external === mailbox.domain);
  return explain(rows, rules.resolveInbound(mailbox), (row) => {
    if (row.includeSubdomains) return 'Flattens';
    return row.direction === 'OutboundOnly' ? 'OtherDirection' : undefined;
  });
}

/** Tenant to shared address: what a sender becomes for recipients of one domain. */
export function explainOutbound(
  config: RelayConfig,
  rules: RuleIndex,
  mailbox: Mailbox,
  scope: OutboundScope,
): RuleExplanation {
  const { domain } = mailbox;
  const rows = rowsAbout(
    config,
    mailbox,
    'internal',
    (row) => row.internal === domain || isSubdomainOf(domain, row.internal),
  );
  return explain(rows, rules.rewriteOutbound(mailbox, scope), (row) => {
    const { onlyTo, sharedDomain } = row.rule;
    if (row.direction === 'InboundOnly') return 'OtherDirection';
    if (!scope.sharedDomains.has(sharedDomain)) return 'OtherSharedDomain';
    const asked = scope.recipientDomain;
    if (onlyTo !== undefined && (asked === undefined || !onlyTo.includes(asked))) return 'OtherRecipients';
    if (row.kind === 'Address' || row.internal === domain) return undefined;
    if (!row.includeSubdomains) return 'SubdomainsExcluded';
    const excepted = row.exceptions.some((one) => one === domain || isSubdomainOf(domain, one));
    return excepted ? 'Exception' : undefined;
  });
}

function explain(rows: readonly Row[], match: RuleMatch | undefined, shortcoming: Shortcoming): RuleExplanation {
  const accounts = rows.map((row) => ({
    row,
    short: shortcoming(row) ?? (row.rule.mode === 'Audit' ? ('Audit' as const) : undefined),
  }));
  // The index takes the closest row of all; so of the matching rule's own it is the closest that applies.
  const applied = accounts.find(({ row, short }) => short === undefined && row.rule.name === match?.rule);
  const inOrder = [...accounts.filter((one) => one === applied), ...accounts.filter((one) => one !== applied)];
  return {
    match,
    rows: inOrder.map(({ row, short }) => ({
      rule: row.rule.name,
      tenantRoute: row.rule.tenantRoute,
      kind: row.kind,
      internal: `${row.includeSubdomains ? '*.' : ''}${row.internal}`,
      external: row.external,
      verdict: short ?? (row === applied?.row ? 'Applied' : 'Farther'),
    })),
  };
}

/** Rows of which one side is the address, it without a tag, or its domain; closest first. */
function rowsAbout(
  config: RelayConfig,
  mailbox: Mailbox,
  side: 'internal' | 'external',
  concerns: (row: RewriteRuleConfig['domains'][number]) => boolean,
): Row[] {
  const keys = [...addressKeys(mailbox.localPart)].map(({ key: localPart }) =>
    lowerAscii(formatMailbox({ localPart, domain: mailbox.domain })),
  );
  const rows = config.rewriteRules.flatMap((rule) => [
    ...rule.addresses.flatMap(([internal, external, direction]): Row[] => {
      const distance = keys.indexOf(lowerAscii(side === 'internal' ? internal : external));
      if (distance < 0) return [];
      return [{ rule, kind: 'Address', internal, external, direction, ...WHOLE_ADDRESS, distance }];
    }),
    ...rule.domains.filter(concerns).map((row): Row => {
      const above = mailbox.domain.length - row[side].length;
      return { rule, kind: 'Domain', ...row, distance: keys.length + 2 * above + (row.includeSubdomains ? 1 : 0) };
    }),
  ]);
  return rows.sort((a, b) => a.distance - b.distance);
}
