/** Rows of addresses in a few arrays of octets and numbers: a million of them as objects would be several times as large. */

import { lowerAscii, type MailboxResult, parseMailbox } from './address.ts';
import { DIRECTIONS, type RewriteRuleConfig } from './config.ts';
import { textHash } from './text-hash.ts';

type Row = RewriteRuleConfig['addresses'][number];

/** Plain data: another process can be given it. */
export interface PackedRows {
  readonly count: number;
  /** How all internal addresses end, and all external ones: nearly always `@` and a domain. */
  readonly endings: readonly [string, string];
  /** UTF-8 of all addresses without their endings, one behind the other. */
  readonly text: Uint8Array;
  /** Where each address ends in `text`: internal of row 0, external of row 0, internal of row 1 … */
  readonly ends: Uint32Array;
  /** addressHash() of each, in the same order. */
  readonly hashes: Uint32Array;
  /** Index into DIRECTIONS, one a row. */
  readonly directions: Uint8Array;
}

/** 0: internal, 1: external. */
export type Column = 0 | 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Throws when a row holds no address, without its text: it may come from a Secret. */
export function packRows(rows: readonly Row[], rule: string): PackedRows {
  const endings = [commonEnding(rows.map(([internal]) => internal)), commonEnding(rows.map((row) => row[1]))] as const;
  const texts: string[] = [];
  const hashes = new Uint32Array(rows.length * 2);
  const directions = new Uint8Array(rows.length);
  for (const [at, [internal, external, direction]] of rows.entries()) {
    texts.push(withoutEnding(internal, endings[0]), withoutEnding(external, endings[1]));
    hashes[at * 2] = hashOf(internal, rule);
    hashes[at * 2 + 1] = hashOf(external, rule);
    directions[at] = DIRECTIONS.indexOf(direction);
  }
  return { count: rows.length, endings, ...packTexts(texts), hashes, directions };
}

function commonEnding(texts: readonly string[]): string {
  const [first = ''] = texts;
  let length = first.length;
  for (const text of texts) {
    let same = 0;
    while (same < length && text.at(-1 - same) === first.at(-1 - same)) same++;
    length = same;
  }
  const ending = first.slice(first.length - length);
  // Half of a surrogate pair has no UTF-8.
  return /^[\udc00-\udfff]/.test(ending) ? ending.slice(1) : ending;
}

function withoutEnding(text: string, ending: string): string {
  return text.slice(0, text.length - ending.length);
}

function packTexts(texts: readonly string[]): { text: Uint8Array; ends: Uint32Array } {
  const joined = texts.join('');
  const text = encoder.encode(joined);
  // Nearly all addresses are ASCII, where a character is an octet.
  const octets =
    text.length === joined.length ? (one: string) => one.length : (one: string) => encoder.encode(one).length;
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (const [at, one] of texts.entries()) {
    end += octets(one);
    ends[at] = end;
  }
  return { text, ends };
}

export function sameRows(one: PackedRows, other: PackedRows): boolean {
  return (
    one.count === other.count &&
    one.endings.every((ending, column) => ending === other.endings[column]) &&
    sameNumbers(one.ends, other.ends) &&
    sameNumbers(one.directions, other.directions) &&
    sameNumbers(one.text, other.text)
  );
}

function sameNumbers(one: Uint8Array | Uint32Array, other: Uint8Array | Uint32Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** How addresses are looked up: local parts in lower case, unquoted. */
export function addressHash(localPart: string, domain: string): number {
  return textHash(`${localPart}@${domain}`);
}

function hashOf(address: string, rule: string): number {
  const split = splitAddress(address);
  if (!split.ok) throw new Error(`rule ${rule} in the configuration holds an address that ${split.reason}`);
  return addressHash(split.value.localPart, split.value.domain);
}

export function addressAt(rows: PackedRows, row: number, column: Column): string {
  const at = row * 2 + column;
  return decoder.decode(rows.text.subarray(at === 0 ? 0 : rows.ends[at - 1], rows.ends[at])) + rows.endings[column];
}

export function rowAt(rows: PackedRows, row: number): Row {
  const direction = DIRECTIONS[rows.directions[row] ?? -1];
  if (direction === undefined) throw new Error(`there is no row number ${row}`);
  return [addressAt(rows, row, 0), addressAt(rows, row, 1), direction];
}

/** Of an address as formatMailbox() writes it, the local part in lower case. */
export function splitAddress(text: string): MailboxResult {
  const at = text.lastIndexOf('@');
  if (at > 0 && text[0] !== '"') {
    return { ok: true, value: { localPart: lowerAscii(text.slice(0, at)), domain: text.slice(at + 1) } };
  }
  const parsed = parseMailbox(text);
  if (!parsed.ok) return parsed;
  return { ok: true, value: { localPart: lowerAscii(parsed.value.localPart), domain: parsed.value.domain } };
}
