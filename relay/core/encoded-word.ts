/** Encoded words (RFC 2047) as octets and back, as far as an address can hide in one. */

import { base64, fromBase64, latin1Text, utf8Octets } from './octets.ts';

export interface EncodedWord {
  readonly start: number;
  readonly end: number;
  /** As written, with RFC 2231's language if there is one: `utf-8*en`. */
  readonly charset: string;
  readonly encoding: 'B' | 'Q';
  /** What it stands for, in its charset. */
  readonly octets: Uint8Array;
}

const QUESTION = 63;
/** RFC 2047 §2: an encoded word has at most 75 octets. */
const WORD_OCTETS = 75;
/** No charset's name is longer (RFC 2978 §2.3 says 40), with a language tag after it. */
const CHARSET_OCTETS = 80;

/** Charsets in which ASCII octets are not ASCII characters, so that an address cannot be read without a table. */
const NOT_ASCII = /^(?:utf-?(?:7|16|32)|ucs|hz|unicode|ebcdic|ibm0?37|x-imap)/i;

/** The encoded word that begins at `start`; undefined if none does. */
export function readEncodedWord(octets: Uint8Array, start: number, end: number): EncodedWord | undefined {
  if (octets[start] !== 61 || octets[start + 1] !== QUESTION) return undefined;
  const afterCharset = find(octets, QUESTION, start + 2, Math.min(end, start + 2 + CHARSET_OCTETS));
  if (afterCharset < 0 || octets[afterCharset + 2] !== QUESTION) return undefined;
  const encoding = String.fromCharCode(octets[afterCharset + 1] ?? 0).toUpperCase();
  if (encoding !== 'B' && encoding !== 'Q') return undefined;
  const textStart = afterCharset + 3;
  const textEnd = find(octets, QUESTION, textStart, end);
  if (textEnd < 0 || textEnd + 1 >= end || octets[textEnd + 1] !== 61) return undefined;
  const text = latin1Text(octets, textStart, textEnd);
  const decoded = encoding === 'B' ? fromBase64(text) : fromQ(text);
  if (decoded === undefined) return undefined;
  const charset = latin1Text(octets, start + 2, afterCharset);
  return { start, end: textEnd + 2, charset, encoding, octets: decoded };
}

/** Octets of `words` as UTF-8; undefined if their charset would have to be known for it. */
export function decodedUtf8(words: readonly EncodedWord[]): Uint8Array | undefined {
  const charset = words[0]?.charset ?? '';
  const size = words.reduce((sum, word) => sum + word.octets.length, 0);
  const octets = new Uint8Array(size);
  let written = 0;
  for (const word of words) {
    if (word.charset.toLowerCase() !== charset.toLowerCase()) return undefined;
    octets.set(word.octets, written);
    written += word.octets.length;
  }
  if (isUtf8(charset)) return octets;
  // Every other charset that mail uses agrees with ASCII where it stays below 128 and sends no escape (ISO-2022-JP).
  const ascii = !NOT_ASCII.test(charset) && octets.every((octet) => octet < 128 && octet !== 27);
  return ascii ? octets : undefined;
}

/** `text` as encoded words like `model`: its charset, its encoding; several where one would be too long. */
export function encodeWords(text: string, model: EncodedWord): string {
  const octets = utf8Octets(text);
  const charset = isUtf8(model.charset) || octets.every((octet) => octet < 128) ? model.charset : 'utf-8';
  const room = WORD_OCTETS - charset.length - 7;
  // RFC 2047 §5: a character is never divided; base64 takes 3 octets to 4, and Q writes three for one at worst.
  const characters = Array.from(text);
  const words: string[] = [];
  let word = '';
  for (const character of characters) {
    if (word !== '' && encodedText(word + character, model.encoding).length > room) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  words.push(word);
  return words.map((one) => `=?${charset}?${model.encoding}?${encodedText(one, model.encoding)}?=`).join(' ');
}

function encodedText(text: string, encoding: 'B' | 'Q'): string {
  const octets = utf8Octets(text);
  if (encoding === 'B') return base64(octets);
  let encoded = '';
  for (const octet of octets) {
    const character = String.fromCharCode(octet);
    // RFC 2047 §5 (3): what a phrase allows unencoded; the dot and the at sign are not among it.
    if (/[A-Za-z0-9!*+/-]/.test(character)) encoded += character;
    else encoded += character === ' ' ? '_' : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function fromQ(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '=' ? /^[0-9A-Fa-f]{2}/.exec(text.slice(i + 1, i + 3)) : null;
    if (hex !== null) {
      octets[length++] = Number.parseInt(hex[0], 16);
      i += 2;
    } else octets[length++] = text[i] === '_' ? 32 : text.charCodeAt(i);
  }
  return octets.subarray(0, length);
}

function isUtf8(charset: string): boolean {
  return /^utf-?8(?:\*|$)/i.test(charset);
}

/** Where `wanted` is, before any white space. */
function find(octets: Uint8Array, wanted: number, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const octet = octets[i] ?? 0;
    if (octet === wanted) return i;
    if (octet <= 32) return -1;
  }
  return -1;
}
