/** Mailboxes: parsing, comparing and formatting (RFC 5321 §4.1.2, RFC 6531). */

import { toASCII } from 'tr46';

export interface Mailbox {
  /** Unquoted: `john smith` for `"john smith"@example.com`. Case as it came. */
  readonly localPart: string;
  /** A-labels in lower case without trailing dot; or an address literal as it came, `[192.0.2.1]`. */
  readonly domain: string;
}

export type MailboxResult =
  | { readonly ok: true; readonly value: Mailbox }
  | { readonly ok: false; readonly reason: string };

/**
 * RFC 5321 §4.5.3.1.1 says 64 octets; Exchange's own IMCEAEX local parts reach 315, and refusing them bounces
 * replies.
 */
const LOCAL_PART_OCTETS = 315;
/** RFC 5321 §4.5.3.1.2: 255 octets, which is what an address literal may have; DNS names end at 253 (RFC 1035 §3.1). */
const LITERAL_OCTETS = 255;
const DOMAIN_OCTETS = 253;

const LDH_LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
/** Underscores are no host name (RFC 5321 §4.1.2), but senders have them and refusing would bounce their mail. */
const ASCII_DOMAIN = new RegExp(`^${LDH_LABEL}(?:\\.${LDH_LABEL})*$`);
const ADDRESS_LITERAL = /^\[[!-Z^-~]+\]$/;
/**
 * RFC 5322 §3.2.3 atext, RFC 6532 §3.1 everything beyond ASCII, and dots wherever real senders put them (`.a..b.@`).
 */
const LENIENT_LOCAL_PART = /^[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~\u0080-\u{10ffff}]+$/u;
const STRICT_LOCAL_PART =
  /^[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~\u0080-\u{10ffff}]+(?:\.[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~\u0080-\u{10ffff}]+)*$/u;
/** RFC 5321 §4.1.2 QcontentSMTP. */
const QUOTED_LOCAL_PART = /^"(?:[^"\\]|\\[ -~])*"$/;
/** Control characters, C1 included, half surrogates, and what a decoder writes for octets that were no UTF-8. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\ufffd\p{Surrogate}]/u;
const UNSAFE_REASON = 'contains a control character or octets that are not UTF-8';
const NON_ASCII = /[^\u0000-\u007f]/;

/**
 * Reads `local@domain` without angle brackets and source route. Lenient where real senders are; never about
 * characters that could end a line.
 */
export function parseMailbox(text: string): MailboxResult {
  const at = text.lastIndexOf('@');
  if (at < 0) return refuse('has no @');
  const written = text.slice(0, at);
  if (LENIENT_LOCAL_PART.test(written)) return mailboxOf(written, text.slice(at + 1));
  if (UNSAFE.test(written)) return refuse(UNSAFE_REASON);
  if (!QUOTED_LOCAL_PART.test(written)) return refuse('has a malformed local part');
  return mailboxOf(written.slice(1, -1).replace(/\\([ -~])/g, '$1'), text.slice(at + 1));
}

/** Puts an unquoted local part and a domain as somebody wrote it together, if they can be a mailbox. */
export function mailboxOf(localPart: string, domain: string): MailboxResult {
  if (UNSAFE.test(localPart) || UNSAFE.test(domain)) return refuse(UNSAFE_REASON);
  if (utf8Length(localPart) > LOCAL_PART_OCTETS) return refuse(`has a local part above ${LOCAL_PART_OCTETS} octets`);
  const canonical = readDomain(domain);
  return canonical === undefined
    ? refuse('has a malformed domain')
    : { ok: true, value: { localPart, domain: canonical } };
}

/** `local@domain` as SMTP and header fields write it, quoted only when it must be. */
export function formatMailbox(mailbox: Mailbox): string {
  return `${formatLocalPart(mailbox.localPart)}@${mailbox.domain}`;
}

export function formatLocalPart(localPart: string): string {
  // White space beyond ASCII needs no quotes by RFC 6532, but is lost wherever somebody trims it.
  if (STRICT_LOCAL_PART.test(localPart) && !/\s/.test(localPart)) return localPart;
  return `"${localPart.replace(/["\\]/g, '\\$&')}"`;
}

/** Two mailboxes are the same for every rule exactly when their keys are equal. */
export function mailboxKey(mailbox: Mailbox): string {
  return `${lowerAscii(mailbox.localPart)}@${lowerAscii(mailbox.domain)}`;
}

/**
 * A-labels in lower case without trailing dot; undefined for what is no domain name. Never reads numbers or percent
 * signs as anything else.
 */
export function toAsciiDomain(text: string): string | undefined {
  // Four octets of UTF-8 a character at most: anything longer cannot become a name, and tr46 is not asked to try.
  if (text.length > DOMAIN_OCTETS + 1) return undefined;
  const mapped = NON_ASCII.test(text) ? toASCII(text, { checkBidi: true, checkJoiners: true }) : text.toLowerCase();
  if (mapped === null) return undefined;
  const domain = mapped.endsWith('.') ? mapped.slice(0, -1) : mapped;
  return domain.length <= DOMAIN_OCTETS && ASCII_DOMAIN.test(domain) ? domain : undefined;
}

/** The mailbox without its subaddress (RFC 5233 §1) and the subaddress without its `+`; undefined when it has none. */
export function withoutTag(mailbox: Mailbox): { readonly mailbox: Mailbox; readonly tag: string } | undefined {
  const plus = mailbox.localPart.indexOf('+');
  if (plus <= 0) return undefined;
  return {
    mailbox: { localPart: mailbox.localPart.slice(0, plus), domain: mailbox.domain },
    tag: mailbox.localPart.slice(plus + 1),
  };
}

/** Whether `domain` lies below `parent`; no domain lies below itself. */
export function isSubdomainOf(domain: string, parent: string): boolean {
  return domain.length > parent.length && domain.endsWith(parent) && domain[domain.length - parent.length - 1] === '.';
}

/** RFC 6531 §3.2: only a next hop that offers SMTPUTF8 can be told this mailbox. */
export function needsSmtputf8(mailbox: Mailbox): boolean {
  return NON_ASCII.test(mailbox.localPart);
}

/** Lower case of A to Z alone: locales and Unicode's case folding would make different mailboxes equal. */
export function lowerAscii(text: string): string {
  if (!NON_ASCII.test(text)) return text.toLowerCase();
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Octets of `text` in UTF-8. */
export function utf8Length(text: string): number {
  let octets = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair counts as two of the pair's four octets.
    octets += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return octets;
}

function readDomain(text: string): string | undefined {
  if (text.startsWith('[')) return text.length <= LITERAL_OCTETS && ADDRESS_LITERAL.test(text) ? text : undefined;
  return toAsciiDomain(text);
}

function refuse(reason: string): MailboxResult {
  return { ok: false, reason };
}
