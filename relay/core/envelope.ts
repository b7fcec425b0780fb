/** The SMTP envelope as values: paths as they came beside what they mean, and ESMTP parameters (RFC 5321 §4.1.2). */

import type { Mailbox } from './address.ts';

/** A reverse-path or forward-path. */
export interface Path {
  /** As the client wrote it, without the angle brackets and source route; empty for the null reverse-path. */
  readonly text: string;
  /** undefined for the null reverse-path `<>` and for the bare `postmaster` of RFC 5321 §4.1.1.3. */
  readonly mailbox: Mailbox | undefined;
}

/** `MAIL FROM` of one transaction. */
export interface MailParameters {
  /** Octets the client announced with SIZE= (RFC 1870). */
  readonly size?: number;
  readonly body?: '7BIT' | '8BITMIME';
  /** RFC 6531: the client asked for SMTPUTF8. */
  readonly smtputf8?: boolean;
}

export const NULL_PATH: Path = { text: '', mailbox: undefined };

export function isNullPath(path: Path): boolean {
  return path.text === '';
}
