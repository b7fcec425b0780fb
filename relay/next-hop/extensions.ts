/** What a next hop offers in its answer to EHLO (RFC 5321 §4.1.1.1), as far as the relay uses it. */

import type { Reply } from '../core/reply.ts';

export interface Extensions {
  readonly pipelining: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly startTls: boolean;
  /** SIZE is offered (RFC 1870). */
  readonly size: boolean;
  /** The most octets it takes; undefined when it does not say. */
  readonly sizeLimit: number | undefined;
  /** AUTH mechanisms in upper case (RFC 4954 §3). */
  readonly mechanisms: ReadonlySet<string>;
  /** RFC 9422: RCPT commands a transaction, transactions a connection. */
  readonly recipientLimit: number | undefined;
  readonly transactionLimit: number | undefined;
}

export const NO_EXTENSIONS: Extensions = {
  pipelining: false,
  eightBitMime: false,
  smtpUtf8: false,
  startTls: false,
  size: false,
  sizeLimit: undefined,
  mechanisms: new Set(),
  recipientLimit: undefined,
  transactionLimit: undefined,
};

export function parseExtensions(reply: Reply): Extensions {
  const offered = new Map<string, string[]>();
  for (const line of reply.text.split('\n').slice(1)) {
    // Old servers write `AUTH=LOGIN` beside or instead of `AUTH LOGIN`.
    const [keyword = '', ...parameters] = line
      .trim()
      .toUpperCase()
      .replace(/^AUTH=/, 'AUTH ')
      .split(/ +/);
    offered.set(keyword, [...(offered.get(keyword) ?? []), ...parameters]);
  }
  const limits = new Map((offered.get('LIMITS') ?? []).map((limit) => split(limit)));
  return {
    pipelining: offered.has('PIPELINING'),
    eightBitMime: offered.has('8BITMIME'),
    smtpUtf8: offered.has('SMTPUTF8'),
    startTls: offered.has('STARTTLS'),
    size: offered.has('SIZE'),
    sizeLimit: positive(offered.get('SIZE')?.[0]),
    mechanisms: new Set(offered.get('AUTH')),
    recipientLimit: positive(limits.get('RCPTMAX')),
    transactionLimit: positive(limits.get('MAILMAX')),
  };
}

function split(limit: string): [string, string] {
  const equals = limit.indexOf('=');
  return equals < 0 ? [limit, ''] : [limit.slice(0, equals), limit.slice(equals + 1)];
}

/** RFC 1870 §4: SIZE 0 is no limit. Whatever is no number says nothing. */
function positive(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  return Number(text) > 0 ? Number(text) : undefined;
}
