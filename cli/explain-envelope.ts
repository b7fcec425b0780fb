/** What becomes of reverse-path and recipients: the session's replies, and the row of the table that gave them. */

import type { Directory } from '../relay/core/directory.ts';
import type { Path } from '../relay/core/envelope.ts';
import { type AcceptedRecipient, decideRecipient, type RecipientDecision } from '../relay/core/recipient.ts';
import { formatReply, isSuccess } from '../relay/core/reply.ts';
import type { ClientIdentity } from '../relay/core/source.ts';
import { describeNextHop, type NextHopAccount } from './explain-next-hop.ts';
import type { Rehearsal, RehearsedRecipient } from './explain-rehearsal.ts';
import { inboundRules, outboundRules, type RuleAccount } from './explain-rules.ts';

export interface SenderAccount {
  readonly given: string;
  /** What XOORG= says. */
  readonly organization: string | undefined;
  readonly reply: string;
  readonly cause: string | undefined;
  /** undefined: no next hop would hear of it. */
  readonly goesOutAs: string | undefined;
  readonly reason: string;
  readonly rules: readonly RuleAccount[];
}

export interface RecipientAccount {
  readonly given: string;
  readonly reply: string;
  readonly accepted: boolean;
  readonly action: RecipientDecision['action'] | 'OtherDestination' | 'Malformed';
  /** Which row of the table answered. */
  readonly row: string | undefined;
  readonly reason: string;
  readonly goesOutAs: string | undefined;
  readonly rules: readonly RuleAccount[];
  readonly nextHop: NextHopAccount | undefined;
  /** Discover: whom the relay would ask, in this order. */
  readonly candidates: readonly { readonly tenantRoute: string; readonly address: string }[];
}

/** Where the mail of an answer goes, as far as it is known; Discover's first candidate stands for the one that is found. */
export function recipientOf(decision: RecipientDecision): AcceptedRecipient | undefined {
  switch (decision.action) {
    case 'Accept':
      return decision;
    case 'Provisional':
      return decision.recipient;
    case 'Discover':
      return decision.candidates[0];
    case 'Refuse':
      return undefined;
  }
}

export function decide(
  directory: Directory,
  client: ClientIdentity,
  rehearsal: Rehearsal,
  forwardPath: Path,
): RecipientDecision {
  const reversePath = rehearsal.reversePath ?? { text: '', mailbox: undefined };
  return decideRecipient(directory, {
    client,
    tls: rehearsal.connection.tls !== undefined,
    reversePath,
    forwardPath,
  });
}

export function explainRecipient(
  directory: Directory,
  client: ClientIdentity,
  rehearsal: Rehearsal,
  heard: RehearsedRecipient,
): RecipientAccount {
  const accepted = isSuccess(heard.reply);
  const account = { given: heard.given, reply: formatReply(heard.reply), accepted };
  const nothing = { row: undefined, goesOutAs: undefined, rules: [], nextHop: undefined, candidates: [] };
  if (heard.path === undefined) {
    return { ...account, ...nothing, action: 'Malformed', reason: 'this is no address as SMTP writes it' };
  }
  const decision = decide(directory, client, rehearsal, heard.path);
  const { mailbox } = heard.path;
  const rules = mailbox === undefined ? [] : inboundRules(directory, mailbox);
  if (decision.action === 'Refuse') {
    const { row, cause } = decision;
    // A rule that would resolve it has no part in the refusal.
    const resolvable = ruleApplied(rules) !== undefined;
    const told = { action: decision.action, row, reason: heard.cause ?? cause, rules: resolvable ? [] : rules };
    return { ...account, ...nothing, ...told };
  }
  const recipient = recipientOf(decision);
  if (recipient === undefined) {
    return {
      ...account,
      ...nothing,
      action: 'Refuse',
      row: 'Unknown',
      reason: heard.cause ?? 'nobody takes it',
      rules,
    };
  }
  const reason = reasonOf(decision, recipient);
  return {
    ...account,
    // Next hops take everything here: nothing else can have refused it.
    action: accepted ? decision.action : 'OtherDestination',
    row: recipient.resolution,
    reason: accepted ? reason : `${heard.cause ?? 'it cannot go with the others'}; sent by itself: ${reason}`,
    goesOutAs: recipient.forwardPath,
    rules,
    nextHop: describeNextHop(directory, recipient.target),
    candidates:
      decision.action === 'Discover'
        ? decision.candidates.map(({ target, forwardPath }) => ({
            tenantRoute: target.kind === 'TenantRoute' ? target.name : target.kind,
            address: forwardPath,
          }))
        : [],
  };
}

function reasonOf({ action }: RecipientDecision, recipient: AcceptedRecipient): string {
  const reason = resolutionWords(recipient);
  if (action === 'Discover') return 'no rule resolves it, and the tenants are asked in order which of them knows it';
  if (action !== 'Provisional') return reason;
  return `${reason}, provided that the header proves a tenant; until then no next hop is asked`;
}

function resolutionWords({ resolution, rule, target, recipientDomain }: AcceptedRecipient): string {
  const tenant = target.kind === 'TenantRoute' ? target.name : 'the internet';
  switch (resolution) {
    case 'Rule':
      return `a shared address that RewriteRule ${rule} resolves`;
    case 'Postmaster':
      return 'postmaster and abuse always have a reader: that of the shared domain, else of the fleet';
    case 'Authority':
      return `no rule resolves it, and unresolvedRecipients names ${tenant} as the authority`;
    case 'RoutingDomain':
      return `${recipientDomain} is a routing domain of ${tenant}, which tenants may reach`;
    case 'FromInternet':
      return `${recipientDomain} is a routing domain of ${tenant}, whose route says fromInternet: Accept`;
    case 'Outbound':
      return 'tenants may reach any other address: it goes to the internet';
    case 'Discovered':
      return `no rule resolves it, and ${tenant} knows it`;
  }
}

/** `client` as it is known in the end. */
export function explainSender(
  directory: Directory,
  client: ClientIdentity,
  rehearsal: Rehearsal,
  recipientDomain: string | undefined,
): SenderAccount {
  const { mail, reversePath, organization, claims } = rehearsal;
  const claim = claims.findLast(({ recipients }) => recipients.length > 0);
  const goesOutAs = claim?.request.reversePath;
  const mailbox = reversePath?.mailbox;
  const rules =
    client.kind === 'Tenant' && mailbox !== undefined
      ? outboundRules(directory, client.route, mailbox, recipientDomain)
      : [];
  const heard = { reply: formatReply(mail.reply), cause: mail.cause };
  const account = { given: reversePath?.text ?? '', organization, ...heard, goesOutAs };
  // Only evidence goes out as it came although a rule speaks of it.
  const evidence = goesOutAs === reversePath?.text && ruleApplied(rules) !== undefined;
  if (evidence) return { ...account, reason: 'a journal report goes out as it came', rules: [] };
  return { ...account, reason: senderReason(client, reversePath, rules), rules };
}

function ruleApplied(rules: readonly RuleAccount[]): RuleAccount | undefined {
  return rules.find(({ verdict }) => verdict === 'Applied');
}

function senderReason(client: ClientIdentity, path: Path | undefined, rules: readonly RuleAccount[]): string {
  if (path === undefined) return 'this is no address as SMTP writes it';
  if (path.mailbox === undefined) return 'the null reverse-path of a bounce is never rewritten';
  if (client.kind !== 'Tenant') return 'the client is no tenant, its reverse-path is kept';
  const applied = ruleApplied(rules);
  return applied === undefined ? 'no rule rewrites it' : `RewriteRule ${applied.rule} rewrites it`;
}
