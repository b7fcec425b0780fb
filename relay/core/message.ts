/** A message as the relay holds it between the client's final dot and its own. */

/** Octets after the header section, line endings normalised to CRLF, not dot-stuffed. May be read any number of times. */
export interface Body {
  readonly size: number;
  /** The whole body in pieces when it is held in memory; undefined when it waits in a file. */
  readonly memory: readonly Uint8Array[] | undefined;
  /** The body in pieces, from its beginning; every call starts again. Throws when the file cannot be read. */
  chunks(): AsyncIterable<Uint8Array>;
  /** SHA-256 of the body as it is: what tells one message from another. */
  digest(): Uint8Array;
  /** SHA-256 of the body in DKIM's relaxed canonical form (RFC 6376 §3.4.4); made when asked for, as little mail is signed. */
  relaxedHash(): Promise<Uint8Array>;
}

export interface ReceivedMessage {
  /** All header fields with their CRLFs, without the empty line that ends the section. */
  readonly headerSection: Uint8Array;
  /** Whether an empty line followed the header section: a message may consist of header fields alone. */
  readonly hasSeparator: boolean;
  readonly body: Body;
  /** Octet above 127 anywhere in the header section, in the body. */
  readonly header8bit: boolean;
  readonly body8bit: boolean;
  /** Bare CR and bare LF that were made CRLF. */
  readonly bareLineEndings: number;
  /** Gives memory and file back. May be called twice. */
  dispose(): void;
}

/** What goes to one destination: one final byte stream. */
export interface MessageContent {
  readonly headerSection: Uint8Array;
  readonly hasSeparator: boolean;
  readonly body: Body;
  readonly header8bit: boolean;
  readonly body8bit: boolean;
}

/** Octets of the whole message as SIZE counts them (RFC 1870 §6). */
export function contentSize(content: MessageContent): number {
  return content.headerSection.length + (content.hasSeparator ? 2 : 0) + content.body.size;
}
