/** Mailboxes: parsing, comparing and formatting (RFC 5321 §4.1.2, RFC 6531). */

export interface Mailbox {
  /** Unquoted: `john smith` for `"john smith"@example.com`. Case as it came. */
  readonly localPart: string;
  /** A-labels in lower case without trailing dot; or an address literal as it came, `[192.0.2.1]`. */
  readonly domain: string;
}
