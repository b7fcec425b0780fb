/** Writes SMTP commands; no argument, whoever it comes from, can end one early or begin another. */

import type { MailParameters } from '../core/envelope.ts';
import type { Extensions } from './extensions.ts';

/** Everything printable but space, `<` and `>`: nothing in it needs a closer look. */
const PLAIN = /^[!-;=?-~]*$/;
const QUOTED_LOCAL_PART = /^"(?:[^"\\]|\\[^])*"(?=@)/;
const CONTROLS = /[\u0000-\u001f\u007f]/;
const NON_ASCII = /[^\u0000-\u007f]/;

/**
 * Throws when `path` could leave its angle brackets: a caller's broken promise, and an attack if it came from outside.
 */
export function assertPath(path: string): void {
  if (PLAIN.test(path)) return;
  // RFC 5321 §4.1.2: space, `<` and `>` may stand in a quoted local part only; control characters nowhere.
  const bare = path.replace(QUOTED_LOCAL_PART, '');
  if (CONTROLS.test(path) || /[ <>"]/.test(bare)) {
    throw new Error(`not a path that can be written into an SMTP command: ${JSON.stringify(path)}`);
  }
}

/** Throws when `word` is not one printable word. */
export function assertWord(word: string): void {
  if (!PLAIN.test(word) || word === '') {
    throw new Error(`not a word that can be written into an SMTP command: ${JSON.stringify(word)}`);
  }
}

export function isAscii(text: string): boolean {
  return !NON_ASCII.test(text);
}

export interface MailCommand {
  readonly reversePath: string;
  readonly parameters: MailParameters;
  readonly extensions: Extensions;
  /** The content holds octets above 127, or its sender said it does. */
  readonly eightBit: boolean;
  /** RFC 6531 §3.4: an address or a header field is not ASCII, or the client asked. */
  readonly utf8: boolean;
  readonly size: number | undefined;
}

export function mailCommand(command: MailCommand): string {
  const { extensions } = command;
  let line = `MAIL FROM:<${command.reversePath}>`;
  if (command.size !== undefined && extensions.size) line += ` SIZE=${command.size}`;
  if (command.eightBit && extensions.eightBitMime) line += ' BODY=8BITMIME';
  if (command.utf8 && extensions.smtpUtf8) line += ' SMTPUTF8';
  return `${line}\r\n`;
}

export function recipientCommand(forwardPath: string): string {
  return `RCPT TO:<${forwardPath}>\r\n`;
}
