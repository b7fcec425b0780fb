/** Reads single header fields of a message, for showing and comparing. */

/** The field's value, unfolded (RFC 5322 §2.2.3); undefined when the message has none of that name. */
export function headerField(message: Buffer, name: string): string | undefined {
  const end = message.indexOf('\r\n\r\n');
  const section = message.toString('utf8', 0, end < 0 ? undefined : end).replaceAll(/\r\n(?=[ \t])/g, '');
  const prefix = `${name.toLowerCase()}:`;
  const line = section.split('\r\n').find((field) => field.toLowerCase().startsWith(prefix));
  return line?.slice(prefix.length).trim();
}
