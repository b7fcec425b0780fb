/** A delivery status notification as octets: multipart/report (RFC 6522) with the fields of RFC 3464, and the header it is about. */

import { base64, has8bit, latin1Text, utf8Octets } from './octets.ts';
import { formatDate } from './received.ts';
import type { Reply } from './reply.ts';

export interface FailedRecipient {
  /** As the sender wrote it: whoever reads the report knows no other. */
  readonly address: string;
  /** What the sender would have heard. */
  readonly reply: Reply;
}

export interface DeliveryReport {
  /** Name of this relay. */
  readonly hostname: string;
  /** Of the message it is about; also makes the report's own Message-ID and boundary. */
  readonly queueId: string;
  /** Whom the report is for: the reverse-path as it came. */
  readonly sender: string;
  readonly failed: readonly FailedRecipient[];
  /** Header section of the message it is about. */
  readonly originalHeader: Uint8Array;
  readonly date: Date;
}

export interface FormattedReport {
  /** With the CRLF of its last field, without the empty line. */
  readonly headerSection: Uint8Array;
  /** Never an octet above 127, so that every next hop takes it. */
  readonly body: Uint8Array;
}

const NON_ASCII = /[^\u0000-\u007f]/;
/** RFC 2045 §6.8: a multiple of four, at most 76. */
const BASE64_LINE = 76;

export function formatDeliveryReport(report: DeliveryReport): FormattedReport {
  const { hostname, queueId, sender, date } = report;
  const boundary = `=_report_${queueId.replace(/[^A-Za-z0-9.]/g, '_')}`;
  const header = [
    `From: Mail Delivery System <postmaster@${hostname}>`,
    `To: <${sender}>`,
    'Subject: Your message could not be delivered to some of its recipients',
    `Date: ${formatDate(date)}`,
    `Message-ID: <report.${queueId}@${hostname}>`,
    // RFC 3834 §5: nothing that answers mail by itself answers this.
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    ` boundary="${boundary}"`,
  ];
  const parts = [
    part('text/plain; charset=utf-8', utf8Octets(explanation(report)), boundary),
    part('message/delivery-status', utf8Octets(statusFields(report)), boundary),
    // The parameter is for readers that would take octets above 127 for none; others ignore it.
    part('text/rfc822-headers; charset=utf-8', report.originalHeader, boundary),
  ];
  const body = `${parts.map((text) => `--${boundary}\r\n${text}\r\n`).join('')}--${boundary}--\r\n`;
  return { headerSection: utf8Octets(`${header.join('\r\n')}\r\n`), body: utf8Octets(body) };
}

function explanation({ failed, queueId, hostname }: DeliveryReport): string {
  const lines = failed.map(({ address, reply }) => `  ${address}\r\n    ${oneLine(replyText(reply))}\r\n`);
  return (
    'Your message was delivered, but not to these recipients, whose mail systems\r\n' +
    `refused it for good:\r\n\r\n${lines.join('\r\n')}\r\n` +
    `Nothing more will be tried. ${hostname} knows the message as ${queueId}.\r\n`
  );
}

/** RFC 3464 §2.2 and §2.3: the fields of the message, then of each recipient. */
function statusFields({ hostname, queueId, failed, date }: DeliveryReport): string {
  const message = [`Reporting-MTA: dns; ${hostname}`, `X-Queue-ID: ${queueId}`, `Arrival-Date: ${formatDate(date)}`];
  const recipients = failed.map(({ address, reply }) => [
    `Final-Recipient: ${typedAddress(address)}`,
    'Action: failed',
    `Status: ${reply.enhancedStatus ?? '5.0.0'}`,
    `Diagnostic-Code: smtp; ${ascii(oneLine(replyText(reply)))}`,
  ]);
  return [message, ...recipients].map((group) => `${group.join('\r\n')}\r\n`).join('\r\n');
}

/** RFC 6533 §3: `utf-8` in its form for mail systems that know ASCII only. */
function typedAddress(address: string): string {
  if (!NON_ASCII.test(address)) return `rfc822; ${address}`;
  const escaped = [...address].map((character) =>
    NON_ASCII.test(character) || character === '\\'
      ? `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`
      : character,
  );
  return `utf-8; ${escaped.join('')}`;
}

function replyText({ code, enhancedStatus, text }: Reply): string {
  return `${code} ${enhancedStatus === undefined ? '' : `${enhancedStatus} `}${text}`;
}

/** A next hop's words: they end no line and hold no control characters. */
function oneLine(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 500);
}

function ascii(text: string): string {
  return text.replace(/[^ -~]/gu, '?');
}

/** Header and content of one part, as it is when mail systems of any age can carry it, else in base64. */
function part(type: string, octets: Uint8Array, boundary: string): string {
  const text = latin1Text(octets, 0, octets.length);
  if (!has8bit(octets) && !text.includes(boundary)) return `Content-Type: ${type}\r\n\r\n${text}`;
  const encoded = base64(octets).match(new RegExp(`.{1,${BASE64_LINE}}`, 'g')) ?? [];
  return `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded.join('\r\n')}\r\n`;
}
