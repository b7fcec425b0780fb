/**
 * Octets as text and back, where a character is an octet (Latin-1), where it is not (UTF-8), and base64 (RFC 4648
 * §4).
 */

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const latin1 = new TextDecoder('latin1');
const BEYOND_LATIN1 = /[^\u0000-\u00ff]/;
export const NOTHING = new Uint8Array();
const encoder = new TextEncoder();
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_VALUES = new Map([...BASE64].map((character, value) => [character.charCodeAt(0), value]));

/** UTF-8 as text; octets that are none become U+FFFD. */
export function utf8Text(octets: Uint8Array, start: number, end: number): string {
  // Most texts are a few ASCII octets, for which a decoder's start costs more than its work.
  if (end - start > 96) return utf8.decode(octets.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) {
    const octet = octets[i] ?? 0;
    if (octet > 127) return utf8.decode(octets.subarray(start, end));
    text += String.fromCharCode(octet);
  }
  return text;
}

/** One character an octet. */
export function latin1Text(octets: Uint8Array, start: number, end: number): string {
  const text = latin1.decode(octets.subarray(start, end));
  if (!BEYOND_LATIN1.test(text)) return text;
  // What calls itself Latin-1 is Windows-1252, which has characters of its own from 128 to 159.
  let exact = '';
  for (let i = start; i < end; i++) exact += String.fromCharCode(octets[i] ?? 0);
  return exact;
}

export function utf8Octets(text: string): Uint8Array {
  // Addresses and fields are a few ASCII characters, for which an encoder's start costs more than its work.
  if (text.length > 512) return encoder.encode(text);
  if (text === '') return NOTHING;
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return encoder.encode(text);
    octets[i] = code;
  }
  return octets;
}

export function has8bit(octets: Uint8Array): boolean {
  for (let i = 0; i < octets.length; i++) {
    if ((octets[i] ?? 0) > 127) return true;
  }
  return false;
}

export function base64(octets: Uint8Array): string {
  let text = '';
  for (let i = 0; i < octets.length; i += 3) {
    const [first = 0, second, third] = octets.subarray(i, i + 3);
    text += BASE64[first >> 2];
    text += BASE64[((first & 3) << 4) | ((second ?? 0) >> 4)];
    text += second === undefined ? '=' : BASE64[((second & 15) << 2) | ((third ?? 0) >> 6)];
    text += third === undefined ? '=' : BASE64[third & 63];
  }
  return text;
}

/** undefined for anything that is no base64; missing padding is forgiven. */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/=+$/, '');
  if (digits.length % 4 === 1) return undefined;
  const octets = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let i = 0; i < digits.length; i++) {
    const value = BASE64_VALUES.get(digits.charCodeAt(i));
    if (value === undefined) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      octets[length++] = (bits >> held) & 0xff;
    }
  }
  return octets;
}
