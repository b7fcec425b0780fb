/**
 * Rewrites addresses in header fields in place, by offset: every octet that is no rewritten address stays as it came
 * (mail-flow §6).
 */

import { formatLocalPart, formatMailbox, type Mailbox, mailboxOf } from './address.ts';
import { type FoundAddress, findAddresses } from './address-list.ts';
import { type Edit, editHeader, type Header, type HeaderField } from './header.ts';
import type { OutboundScope, RuleIndex, RuleMatch } from './rule-index.ts';

/** One address in one field, for tracking. */
export interface HeaderChange {
  /** Name of the field in lower case. */
  readonly field: string;
  readonly from: string;
  readonly to: string;
  /** metadata.name of the RewriteRule. */
  readonly rule: string;
}

export interface RewrittenHeader {
  readonly ok: true;
  /** The same object when nothing was changed. */
  readonly header: Header;
  readonly changes: readonly HeaderChange[];
  /** What rules in Audit would have changed. */
  readonly audited: readonly HeaderChange[];
  /**
   * An address that no rule knows and that is on hold: the message must wait (operator.md, "left out is not
   * unknown").
   */
  readonly held: Mailbox | undefined;
  /** Lower-case names of the fields that were changed. */
  readonly changedFields: ReadonlySet<string>;
}

/**
 * A limit was met: the message is deferred with a transient reply, never passed on half rewritten. `reason` is for
 * the log.
 */
export type HeaderRewrite = RewrittenHeader | { readonly ok: false; readonly reason: string };

const RECIPIENT_FIELDS = ['to', 'cc', 'bcc', 'resent-to', 'resent-cc'];
const INBOUND_FIELDS: ReadonlySet<string> = new Set(RECIPIENT_FIELDS);
const OUTBOUND_FIELDS: ReadonlySet<string> = new Set([
  'from',
  'sender',
  'reply-to',
  'resent-from',
  'resent-sender',
  'disposition-notification-to',
  'return-receipt-to',
  'errors-to',
  'mail-followup-to',
  ...RECIPIENT_FIELDS,
]);

const QUOTE = 34;
/** What needed no quotes as it was found, dots at its end and all, needs none now. */
const ONE_WORD = /^[^\s\p{Cc}"(),:;<>@[\\\]]+$/u;
const WHITE = octetsOf(' \t\r\n');
const BEFORE_ADDRESS = octetsOf(':,;<');
/** What a header section of the default size (limits.headerBytes, 256 KiB) holds at 26 octets an address. */
const MOST_ADDRESSES = 10_000;

/** Mail from a tenant: tenant addresses of every tenant of its shared domains become shared ones. */
export function rewriteOutboundHeader(header: Header, rules: RuleIndex, scope: OutboundScope): HeaderRewrite {
  return rewrite(header, OUTBOUND_FIELDS, {
    match: (mailbox, audited) => rules.rewriteOutbound(mailbox, scope, audited),
    isHeld: (mailbox, match) => rules.isHeldUnless(mailbox, match),
  });
}

/**
 * Mail to a tenant of a shared domain with `recipientHeaders: Rewrite`: its own shared addresses become its tenant
 * addresses.
 */
export function rewriteInboundHeader(header: Header, rules: RuleIndex, tenantRoute: string): HeaderRewrite {
  return rewrite(header, INBOUND_FIELDS, {
    match: (mailbox, audited) => rules.reverseInbound(mailbox, tenantRoute, audited),
    isHeld: () => false,
  });
}

interface Rewriting {
  match(mailbox: Mailbox, audited: RuleMatch[]): RuleMatch | undefined;
  isHeld(mailbox: Mailbox, match: RuleMatch | undefined): boolean;
}

function rewrite(header: Header, names: ReadonlySet<string>, rewriting: Rewriting): HeaderRewrite {
  const edits: Edit[] = [];
  const changes: HeaderChange[] = [];
  const audited: HeaderChange[] = [];
  const changedFields = new Set<string>();
  let held: Mailbox | undefined;
  let addresses = 0;
  for (const field of fieldsWithAddresses(header, names)) {
    const found = findAddresses(header.octets, field.valueStart, field.end);
    addresses += found.length;
    if (addresses > MOST_ADDRESSES)
      return { ok: false, reason: `the header names more than ${MOST_ADDRESSES} addresses` };
    for (const one of found) {
      const wouldChange: RuleMatch[] = [];
      const match = rewriting.match(one.mailbox, wouldChange);
      for (const would of wouldChange) audited.push(changeOf(field, one.mailbox, would));
      if (rewriting.isHeld(one.mailbox, match)) held ??= one.mailbox;
      if (match === undefined) continue;
      const valid = mailboxOf(match.mailbox.localPart, match.mailbox.domain);
      if (!valid.ok)
        return { ok: false, reason: `${formatMailbox(match.mailbox)} by rule ${match.rule} ${valid.reason}` };
      edits.push(...editsOf(header.octets, one, match));
      changes.push(changeOf(field, one.mailbox, match));
      changedFields.add(field.name);
    }
  }
  return { ok: true, header: editHeader(header, edits), changes, audited, held, changedFields };
}

function octetsOf(characters: string): ReadonlySet<number> {
  return new Set(Array.from(characters, (each) => each.charCodeAt(0)));
}

/** Fields of these names with an at sign in them, found without looking at any octet twice. */
function* fieldsWithAddresses(header: Header, names: ReadonlySet<string>): Generator<HeaderField> {
  let at = -1;
  for (const field of header.fields) {
    if (!names.has(field.name)) continue;
    if (at < field.valueStart) at = header.octets.indexOf(64, field.valueStart);
    if (at < 0) return;
    if (at < field.end) yield field;
  }
}

function editsOf(octets: Uint8Array, found: FoundAddress, match: RuleMatch): Edit[] {
  if (found.kind === 'text') {
    return [{ start: found.start, end: found.end, text: found.write(match.mailbox) }];
  }
  const domain = { start: found.domainStart, end: found.end, text: match.mailbox.domain };
  if (match.kind !== 'Address') return [domain];
  const written = formatLocalPart(match.mailbox.localPart);
  const text = asFound(octets, found.start, match.mailbox.localPart, written);
  return [{ start: found.start, end: found.localPartEnd, text }, domain];
}

/** In quotes, or without them, where the other would be read as something else beside what stands before it. */
function asFound(octets: Uint8Array, start: number, localPart: string, written: string): string {
  if (octets[start] !== QUOTE) return ONE_WORD.test(localPart) ? localPart : written;
  return written.startsWith('"') || beginsAnAddress(octets, start) ? written : `"${written}"`;
}

/** Behind anything else, a quoted local part without its quotes could become part of what stands before it. */
function beginsAnAddress(octets: Uint8Array, start: number): boolean {
  let before = start - 1;
  while (WHITE.has(octets[before] ?? 0)) before--;
  return BEFORE_ADDRESS.has(octets[before] ?? 0);
}

function changeOf(field: HeaderField, from: Mailbox, match: RuleMatch): HeaderChange {
  return { field: field.name, from: formatMailbox(from), to: formatMailbox(match.mailbox), rule: match.rule };
}
