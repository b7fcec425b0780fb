/** What must hold of every header section whatever, well-formed or not; the first law that is broken is told. */

import { createTraceKeys } from '../../relay/auth/trace-key.ts';
import { mailboxKey } from '../../relay/core/address.ts';
import { findAddresses } from '../../relay/core/address-list.ts';
import { prepareSignature, shouldSign } from '../../relay/core/dkim-fields.ts';
import { stripInbound } from '../../relay/core/firewall.ts';
import { editHeader, type Header, type HeaderField, parseHeader, prependFields } from '../../relay/core/header.ts';
import { isJournalReport } from '../../relay/core/journal.ts';
import { countReceived } from '../../relay/core/received.ts';
import { type RewrittenHeader, rewriteInboundHeader, rewriteOutboundHeader } from '../../relay/core/rewrite-header.ts';
import { removeBrokenSignatures } from '../../relay/core/signatures.ts';
import { isSignedOrEncrypted } from '../../relay/core/signed.ts';
import { formatTrace, readTrace, removeTrace, type TraceKeys } from '../../relay/core/trace.ts';
import { index, row, rule } from '../support/rewrite-rules.ts';
import { type HeaderInput, TENANT_DOMAINS } from './header-inputs.ts';

/** Three tenants with a shared domain each, so that what was rewritten for one cannot be taken for another's. */
const RULES = index([
  rule('john', {
    addresses: [
      ['john@tenant1.example', 'john.smith@shared.example', 'Both'],
      ['two words@tenant1.example'.replace('two words', '"two words"'), '"2 words"@shared.example', 'Both'],
    ],
    domains: [row('tenant1.example')],
  }),
  rule('mary', {
    tenantRoute: 'tenant2',
    sharedDomain: 'second.example',
    domains: [row('tenant2.example', { external: 'second.example' })],
  }),
  rule('flat', {
    tenantRoute: 'tenant3',
    sharedDomain: 'third.example',
    domains: [row('tenant3.example', { external: 'third.example', includeSubdomains: true })],
  }),
]);
const SCOPE = { sharedDomains: new Set(['shared.example', 'second.example', 'third.example']) };
const OURS: ReadonlySet<string> = new Set(['relay.shared.example']);
const BELIEVED = [
  ...'organization- forest- crosspremises- crosstenant- transport-crosstenantheaders'
    .split(' ')
    .map((rest) => `x-ms-exchange-${rest}`),
  'x-forefront-antispam-',
  'x-microsoft-antispam',
];
const KEYS = createTraceKeys({ traceKeys: ['trace'] }, new Map([['trace', 'of the fuzzer']])) as TraceKeys;
const TENANTS = new Set(TENANT_DOMAINS);

/** The broken law in words; undefined: none is. Throws what the code under test throws. */
export function brokenHeaderLaw({ octets, wellFormed }: HeaderInput): string | undefined {
  const before = octets.slice();
  const header = parseHeader(octets);
  const broken =
    fieldsCover(header) ?? outbound(header, wellFormed) ?? firewall(header) ?? trace(header) ?? readers(header);
  if (broken !== undefined) return broken;
  return equal(before, octets) ? undefined : 'the octets that were given are changed';
}

function fieldsCover({ octets, fields }: Header): string | undefined {
  let end = 0;
  for (const field of fields) {
    if (field.start !== end || field.end <= field.start) return `a field begins at ${field.start}, not at ${end}`;
    if (field.valueStart < field.start || field.valueStart > field.end) return 'a value lies outside its field';
    end = field.end;
  }
  return end === octets.length ? undefined : `fields end at ${end} of ${octets.length}`;
}

function outbound(header: Header, wellFormed: boolean): string | undefined {
  const result = rewriteOutboundHeader(header, RULES, SCOPE);
  if (!result.ok) return result.reason;
  const broken = rewrittenInPlace(header, result, 'outbound') ?? fieldsAreThoseRead(result.header, 'outbound');
  if (broken !== undefined) return broken;
  if (result.changes.length === 0 && result.header !== header) return 'outbound makes a copy that changes nothing';
  const again = rewriteOutboundHeader(result.header, RULES, SCOPE);
  if (!again.ok || again.header !== result.header) return 'outbound twice is not outbound once';
  if (wellFormed && stillNames(result.header)) return 'a tenant address is left in a field that is rewritten';
  const signed = removeBrokenSignatures(result.header, TENANTS, { ...result, bodyChanged: false });
  return fieldsAreThoseRead(signed, 'signatures') ?? returns(header, result);
}

/** Towards the tenant, what outbound rewriting did to its own addresses in recipient fields is undone. */
function returns(header: Header, out: RewrittenHeader): string | undefined {
  const back = rewriteInboundHeader(out.header, RULES, 'tenant2');
  if (!back.ok) return back.reason;
  const broken = rewrittenInPlace(out.header, back, 'inbound') ?? fieldsAreThoseRead(back.header, 'inbound');
  if (broken !== undefined) return broken;
  const again = rewriteInboundHeader(back.header, RULES, 'tenant2');
  if (!again.ok || again.header !== back.header) return 'inbound twice is not inbound once';
  for (const [at, field] of header.fields.entries()) {
    const returned = back.header.fields[at];
    if (!/^(?:resent-)?(?:to|cc|bcc)$/.test(field.name) || returned === undefined) continue;
    const [was, is] = [addresses(header, field), addresses(back.header, returned)];
    const own = (key: string) => key.endsWith('@tenant2.example');
    if (was.some((key) => key.endsWith('@second.example'))) continue;
    const lost = was.findIndex((key, nth) => own(key) !== own(is[nth] ?? '') || (own(key) && is[nth] !== key));
    if (lost >= 0) return `${was[lost]} comes back as ${is[lost]}`;
  }
  return undefined;
}

/** Only addresses are changed: what stands between them, and every other field, is as it was. */
function rewrittenInPlace(before: Header, after: RewrittenHeader, what: string): string | undefined {
  if (after.header.fields.length !== before.fields.length) return `${what} changes the number of fields`;
  for (const [at, field] of before.fields.entries()) {
    const now = after.header.fields[at] as HeaderField;
    if (field.name !== now.name) return `${what} makes ${now.name} of ${field.name}`;
    if (!after.changedFields.has(field.name)) {
      if (!equal(octetsOf(before, field), octetsOf(after.header, now))) return `${what} changes ${field.name} unsaid`;
    } else if (betweenAddresses(before, field) !== betweenAddresses(after.header, now)) {
      return `${what} changes more of ${field.name} than addresses`;
    }
  }
  return undefined;
}

function betweenAddresses(header: Header, field: HeaderField): string {
  const pieces: string[] = [];
  let from = field.start;
  for (const found of findAddresses(header.octets, field.valueStart, field.end)) {
    pieces.push(text(header.octets.subarray(from, found.start)));
    if (found.kind === 'spec') pieces.push(text(header.octets.subarray(found.localPartEnd, found.domainStart)));
    from = found.end;
  }
  pieces.push(text(header.octets.subarray(from, field.end)));
  return pieces.join('\u0000');
}

/** A header remembers where its fields are across edits; reading it anew must find the same. */
function fieldsAreThoseRead(header: Header, after: string): string | undefined {
  const read = JSON.stringify(parseHeader(header.octets).fields);
  return JSON.stringify(header.fields) === read ? undefined : `fields after ${after} are not those that are read`;
}

function stillNames(header: Header): boolean {
  return header.fields.some(
    (field) =>
      /^(?:resent-)?(?:from|sender|to|cc|bcc)$|^(?:reply|errors|mail-followup)-to$|notification-to$|receipt-to$/.test(
        field.name,
      ) && /tenant[123]\.example/i.test(text(octetsOf(header, field))),
  );
}

function firewall(header: Header): string | undefined {
  const { header: clean, removed } = stripInbound(header, OURS);
  const believed = (name: string) => name === 'x-originatororg' || BELIEVED.some((prefix) => name.startsWith(prefix));
  const left = clean.fields.find(({ name }) => believed(name));
  if (left !== undefined) return `${left.name} passes the firewall`;
  const kept = header.fields.filter(({ name }) => !removed.has(name) || name === 'authentication-results');
  const expected = kept.map((field) => text(octetsOf(header, field))).join('');
  const verdicts = removed.has('authentication-results');
  if (!verdicts && text(clean.octets) !== expected) return 'the firewall touches what it does not remove';
  if (stripInbound(clean, OURS).header !== clean) return 'the firewall twice is not the firewall once';
  return fieldsAreThoseRead(clean, 'the firewall');
}

function trace(header: Header): string | undefined {
  if (readTrace(header, KEYS) !== 0) return 'a trace field that nobody signed is believed';
  const clean = removeTrace(header, KEYS);
  // What begins with white space continues whatever is put above it.
  if (clean.octets[0] === 32 || clean.octets[0] === 9) return undefined;
  const traced = prependFields(clean, formatTrace(header, 4, KEYS));
  const broken = fieldsAreThoseRead(traced, 'the trace field');
  if (broken !== undefined) return broken;
  if (readTrace(traced, KEYS) !== 4) return 'the trace field is not read as it was written';
  return editHeader(traced, []) === traced ? undefined : 'no edits make a copy';
}

/** Those that only read: whatever they say, they say something. */
function readers(header: Header): string | undefined {
  const { data } = prepareSignature({
    header,
    domain: 'shared.example',
    selector: 's1',
    bodyHash: new Uint8Array(32),
  });
  if (!text(data).includes('dkim-signature:')) return 'what is signed does not hold the signature field itself';
  const answers = [shouldSign(header, 'shared.example'), isSignedOrEncrypted(header), isJournalReport(header.octets)];
  if (answers.some((answer) => typeof answer !== 'boolean')) return 'a question has no answer';
  return countReceived(header) <= header.fields.length ? undefined : 'more Received fields than fields';
}

function addresses(header: Header, field: HeaderField): string[] {
  return findAddresses(header.octets, field.valueStart, field.end).map(({ mailbox }) => mailboxKey(mailbox));
}

function octetsOf(header: Header, field: HeaderField): Uint8Array {
  return header.octets.subarray(field.start, field.end);
}

function text(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
