/** The Received field (RFC 5321 §4.4): who gave us the message, how, and when; and how many hops it has behind it. */

import { type Header, fieldsNamed } from './header.ts';

export interface ReceivedFacts {
  /** The client's true address. */
  readonly clientAddress: string;
  /** What it called itself. */
  readonly helo: string;
  /** Its name by reverse lookup, when that was asked. */
  readonly rdns?: string | undefined;
  readonly by: string;
  /** RFC 3848, RFC 6531 §3.7.3. */
  readonly protocol: 'SMTP' | 'ESMTP' | 'ESMTPS' | 'UTF8SMTP' | 'UTF8SMTPS';
  readonly tls?: { readonly version: string; readonly cipher: string } | undefined;
  readonly id: string;
  readonly date: Date;
}

/** RFC 5321 §4.5.3.1.2; a longer name is somebody's attack on whoever reads the field. */
const NAME_OCTETS = 255;

/** The whole field with its CRLF. Without `for`, which would show one recipient to another. */
export function formatReceived(facts: ReceivedFacts): string {
  const { tls } = facts;
  const address = facts.clientAddress.includes(':') ? `IPv6:${facts.clientAddress}` : facts.clientAddress;
  const rdns = facts.rdns === undefined ? '' : `${safeName(facts.rdns)} `;
  const cipher = tls === undefined ? '' : `\r\n (version=${safeWord(tls.version)} cipher=${safeWord(tls.cipher)})`;
  return (
    `Received: from ${safeName(facts.helo)} (${rdns}[${address}])\r\n` +
    ` by ${facts.by} with ${facts.protocol}${cipher}\r\n` +
    ` id ${safeWord(facts.id)}; ${formatDate(facts.date)}\r\n`
  );
}

export function countReceived(header: Header): number {
  return fieldsNamed(header, 'received').length;
}

/** RFC 5322 §3.3, always in UTC. */
export function formatDate(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

/** A client chooses its own name: nothing in it may end the line, open a comment or pretend to be another clause. */
function safeName(text: string): string {
  const safe = text
    .replace(/[^A-Za-z0-9._:[\]\u0080-\u{10ffff}-]|[\u0080-\u009f\p{Surrogate}]/gu, '?')
    .slice(0, NAME_OCTETS);
  return safe === '' ? 'unknown' : safe;
}

function safeWord(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, '?');
}
