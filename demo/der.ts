/** Writes the few kinds of DER values (X.690) that a certificate is made of. */

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;

export function value(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
}

/** X.690 §8.1.3: one octet below 128, else the number of length octets and these. */
function length(octets: number): Buffer {
  if (octets < 0x80) return Buffer.from([octets]);
  return octets < 0x100 ? Buffer.from([0x81, octets]) : Buffer.from([0x82, octets >> 8, octets & 0xff]);
}

export const sequence = (...content: readonly Uint8Array[]) => value(SEQUENCE, ...content);
export const set = (...content: readonly Uint8Array[]) => value(SET, ...content);
export const octetString = (content: Uint8Array) => value(OCTET_STRING, content);
export const utf8 = (text: string) => value(UTF8_STRING, Buffer.from(text));
/** The last `unused` bits of the last octet do not count. */
export const bitString = (content: Uint8Array, unused = 0) => value(BIT_STRING, Buffer.from([unused]), content);
export const TRUE = value(0x01, Buffer.from([0xff]));

/** Positive; `octets` begins with the highest. */
export function integer(octets: Uint8Array): Buffer {
  const positive = (octets[0] ?? 0) < 0x80 ? octets : Buffer.concat([Buffer.from([0]), octets]);
  return value(INTEGER, positive);
}

/** RFC 5280 §4.1.2.5.1: until 2049. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return value(UTC_TIME, Buffer.from(`${digits}Z`, 'latin1'));
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return value(OBJECT_IDENTIFIER, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(number: number): number[] {
  const octets = [number & 0x7f];
  for (let left = number >>> 7; left > 0; left >>>= 7) octets.unshift((left & 0x7f) | 0x80);
  return octets;
}
