/** A message as its author writes it, and its header fields for showing and comparing. */

import MailComposer from 'nodemailer/lib/mail-composer';

export interface Mail {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly cc?: string;
  readonly subject: string;
  readonly text: string;
  /** Header fields that the sending mail system adds: name and value. */
  readonly fields?: readonly (readonly [string, string])[];
  /** Named on MAIL where that is offered: XOORG=. */
  readonly organization?: string;
}

/** The message with its header section, CRLF throughout. */
export async function compose(mail: Mail): Promise<Buffer> {
  const { from, to, cc, subject, text, fields = [] } = mail;
  const added = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const written = await new MailComposer({ from, to, cc, subject, text, newline: 'win' }).compile().build();
  return Buffer.concat([Buffer.from(added), written]);
}

/** Unfolded (RFC 5322 §2.2.3), each with its name. */
export function headerLines(message: Buffer): string[] {
  const end = message.indexOf('\r\n\r\n');
  const section = message.toString('utf8', 0, end < 0 ? undefined : end).replaceAll(/\r\n(?=[ \t])/g, '');
  return section.split('\r\n');
}

/** The values of all fields of that name, in their order. */
export function headerFields(message: Buffer, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  return headerLines(message)
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

/** The first field's value; undefined when the message has none of that name. */
export function headerField(message: Buffer, name: string): string | undefined {
  return headerFields(message, name)[0];
}
