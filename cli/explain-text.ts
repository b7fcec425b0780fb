/** The story as text for a terminal: numbered steps, `+` for what applies, `-` for what does not, a diff of the header. */

import type { ClientAccount, SourceAccount } from './explain-client.ts';
import type { RecipientAccount, SenderAccount } from './explain-envelope.ts';
import type { FieldAccount, MessageAccount } from './explain-message.ts';
import type { NextHopAccount } from './explain-next-hop.ts';
import type { RuleAccount } from './explain-rules.ts';
import type { Explanation, ProofAccount } from './explanation.ts';
import { plain, styled } from './terminal-text.ts';

/** Fields that stay around those that change. */
const CONTEXT = 2;

export function explanationText(
  explanation: Explanation,
  waitsFor: readonly string[],
  notes: readonly string[],
): string {
  const { client, sender, recipients, proof, message, messageGiven } = explanation;
  const steps = [
    ['The client', ...clientLines(client)],
    ['The sender', ...senderLines(sender, proof)],
    ...(recipients.length > 0 ? [['The recipients', ...recipients.flatMap(recipientLines)]] : []),
    ...(message === undefined ? [] : [['The message', ...messageLines(message, messageGiven, proof)]]),
    ...(explanation.held ? [['What it waits for', ...heldLines(waitsFor)]] : []),
  ];
  const lines = steps.flatMap(([title = '', ...rest], index) => [
    ...(index > 0 ? [''] : []),
    styled('bold', `${index + 1}. ${title}`),
    ...rest.map((line) => (line === '' ? '' : `   ${line}`)),
  ]);
  return `${[...lines, '', ...notes.map(plain), ...resultLines(explanation)].join('\n')}\n`;
}

function clientLines(client: ClientAccount): string[] {
  const { address, tls, certificate, sources } = client;
  const how = tls
    ? `over TLS, ${certificate === undefined ? 'no certificate' : `certificate ${certificate}`}`
    : 'no TLS';
  return [plain(`${address}, ${how}`), ...sources.map(sourceLine), identityLine(client)];
}

function sourceLine({ tenantRoute, number, demands, verdict, reason }: SourceAccount): string {
  const whose = tenantRoute === undefined ? 'a route not in force' : `TenantRoute ${tenantRoute}`;
  return verdictLine(verdict === 'Matches', `${whose}, source ${number} (${demands.join('; ')}): ${reason}`);
}

function identityLine({ identity, tenantRoute }: ClientAccount): string {
  switch (identity) {
    case 'Tenant':
      return plain(`So the client is ${tenantRoute}.`);
    case 'TlsMissing':
      return plain(`So the client could be ${tenantRoute}, and must begin TLS first.`);
    case 'Held':
      return plain('So the client belongs to a route that is not in force: its mail is put off.');
    case 'Candidate':
      return plain('So the client is Exchange Online. Which customer writes is to be proven.');
    case 'Internet':
      return plain('So the client is the internet.');
  }
}

function senderLines(sender: SenderAccount, proof: ProofAccount | undefined): string[] {
  const { given, organization, reply, cause, goesOutAs, reason, rules } = sender;
  const early = proof?.result === 'Organization';
  return [
    plain(`MAIL FROM:<${given}>${organization === undefined ? '' : ` XOORG=${organization}`}`),
    replyLine(reply),
    ...(early ? [plain(proofText(proof))] : []),
    ...(cause === undefined ? [] : [plain(`Why: ${cause}.`)]),
    ...(goesOutAs === undefined ? [] : [plain(`Goes out as <${goesOutAs}>: ${reason}.`), ...rules.map(ruleLine)]),
  ];
}

function recipientLines(recipient: RecipientAccount, index: number): string[] {
  const { given, reply, reason, action, goesOutAs, rules, nextHop, candidates, accepted } = recipient;
  return [
    ...(index > 0 ? [''] : []),
    plain(`RCPT TO:<${given}>`),
    replyLine(reply),
    plain(`Why: ${reason}.`),
    ...rules.map(ruleLine),
    ...candidates.map(({ tenantRoute, address }, place) =>
      plain(`  asks ${place + 1}: ${tenantRoute} for <${address}>`),
    ),
    ...(accepted && candidates.length > 0 ? [plain('Told on as if the first of them knew the address.')] : []),
    ...(goesOutAs === undefined
      ? []
      : [plain(`${accepted && action !== 'Provisional' ? 'Goes' : 'Would go'} out as <${goesOutAs}>.`)]),
    ...(nextHop === undefined ? [] : [plain(`Next hop: ${nextHopText(nextHop)}.`)]),
  ];
}

function ruleLine({ rule, from, to, verdict, reason }: RuleAccount): string {
  return verdictLine(verdict === 'Applied', `RewriteRule ${rule} (${from} → ${to}): ${reason}`);
}

function nextHopText({ kind, tenantRoute, hosts, mxOf, tls, showsCertificate, signsIn }: NextHopAccount): string {
  const name = kind === 'TenantRoute' ? `TenantRoute ${tenantRoute}: ` : kind === 'SmartHost' ? 'the smart host: ' : '';
  const where = mxOf === undefined ? hosts.join(', then ') : `the MX hosts of ${mxOf}, which are not looked up here`;
  const more = [showsCertificate ? 'shows a certificate' : '', signsIn ? 'signs in' : ''].filter((part) => part !== '');
  return [`${name}${where}`, `TLS ${TLS_WORDS[tls]}`, ...more].join('; ');
}

const TLS_WORDS: Readonly<Record<NextHopAccount['tls'], string>> = {
  Opportunistic: 'if it is offered (Opportunistic)',
  Required: 'or nothing is sent (Required)',
  Verified: 'with a certificate that must be valid for the name (Verified)',
  Implicit: 'from the first octet, with a certificate that must be valid (Implicit)',
};

function messageLines(message: MessageAccount, given: boolean, proof: ProofAccount | undefined): string[] {
  const { size, reply, cause } = message;
  return [
    plain(given ? `${size} octets` : 'None was given: an empty one is played.'),
    ...(proof === undefined || proof.result === 'Organization' ? [] : [plain(proofText(proof))]),
    replyLine(reply),
    ...(cause === undefined ? [] : [plain(`Why: ${cause}.`)]),
    ...message.reported.map((one) => plain(`<${one}> is refused now; the sender's own tenant gets a report of it.`)),
    ...(given ? changeLines(message) : []),
  ];
}

function changeLines({ header, rewritten, audited, signatures, accepted }: MessageAccount): string[] {
  return [
    ...headerLines(header),
    ...rewritten.map(({ field, from, to, rule }) =>
      verdictLine(true, `${field}: ${from} becomes ${to} by RewriteRule ${rule}`),
    ),
    ...audited.map(({ field, from, to, rule }) =>
      verdictLine(false, `${field}: ${from} would become ${to} by RewriteRule ${rule}, which is in Audit mode`),
    ),
    ...signatures.map(({ domain, selectors }) =>
      plain(`Would be signed with DKIM for ${domain}, selector ${selectors.join(' and ')}; no key is used here.`),
    ),
    ...(accepted && signatures.length === 0 ? [plain('Would not be signed.')] : []),
  ];
}

function proofText({ result, tenantRoute }: ProofAccount): string {
  switch (result) {
    case 'Organization':
      return `XOORG proves that it is ${tenantRoute}.`;
    case 'TenantId':
      return `The header proves that it is ${tenantRoute}.`;
    case 'Stranger':
      return 'The header names an Exchange Online tenant that no source names: the client is the internet.';
    case 'NoTenantId':
      return 'The header names no Exchange Online tenant: it proves nothing.';
    case 'TwoTenantIds':
      return 'The header names more than one Exchange Online tenant.';
    case 'Held':
      return 'What it proves is a tenant whose route is not in force.';
  }
}

function headerLines(header: readonly FieldAccount[]): string[] {
  const near = (index: number) =>
    header.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ change }) => change !== 'Kept');
  const lines: string[] = [];
  let hidden = 0;
  for (const [index, { change, text }] of header.entries()) {
    if (!near(index)) {
      hidden++;
      continue;
    }
    if (hidden > 0) lines.push(styled('dim', hiddenText(hidden)));
    hidden = 0;
    lines.push(...text.split(/\r?\n/).map((line) => diffLine(change, line)));
  }
  return hidden > 0 ? [...lines, styled('dim', hiddenText(hidden))] : lines;
}

function hiddenText(count: number): string {
  return `  … ${count} ${count === 1 ? 'field stays' : 'fields stay'} as ${count === 1 ? 'it is' : 'they are'}`;
}

function diffLine(change: FieldAccount['change'], line: string): string {
  switch (change) {
    case 'Kept':
      return styled('dim', `  ${line}`);
    case 'Removed':
      return styled('red', `- ${line}`);
    case 'Added':
      return styled('green', `+ ${line}`);
  }
}

function heldLines(waitsFor: readonly string[]): string[] {
  if (waitsFor.length === 0) return [plain('The reason above says it.')];
  return [
    plain(waitsFor.length === 1 ? 'This holds it back:' : 'One of these holds it back:'),
    ...waitsFor.map((line) => plain(`  ${line}`)),
  ];
}

function resultLines({ accepted, message }: Explanation): string[] {
  if (!accepted) return [styled('red', 'Not accepted for every recipient.')];
  const note = message === undefined ? '' : ' Next hops were not asked: each may still refuse.';
  return [`${styled('green', 'Accepted for every recipient.')}${note}`];
}

function replyLine(reply: string): string {
  const style = reply.startsWith('2') ? 'green' : reply.startsWith('4') ? 'yellow' : 'red';
  return styled(style, reply);
}

function verdictLine(applies: boolean, text: string): string {
  return styled(applies ? 'green' : 'dim', `  ${applies ? '✓' : '✗'} ${text}`);
}
