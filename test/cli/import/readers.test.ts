/** Tables of Exchange and Postfix, as they are found on disks: what is read of them and what is left out. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isExchangeTable, readExchangeTable } from '../../../cli/import/exchange-table.ts';
import type { Imported } from '../../../cli/import/imported.ts';
import { type PostfixMap, postfixMapOf, readPostfixMap } from '../../../cli/import/postfix-map.ts';
import { decodeTable } from '../../../cli/import/table-text.ts';

interface TableCase {
  readonly about: string;
  readonly map: PostfixMap;
  readonly text: string;
  readonly rows?: string[];
  readonly leftOut?: string[];
  readonly notes?: string[];
  readonly refused?: string;
}

const cases = (name: string) =>
  parse(readFileSync(new URL(`../../cases/import/${name}`, import.meta.url), 'utf8')) as TableCase[];

function rowsOf({ rows }: Imported): string[] {
  return rows.map(({ written: { internal, external, includeSubdomains, exceptions, direction, place } }) => {
    const except = exceptions.length === 0 ? [] : ['except', ...exceptions];
    const inside = `${includeSubdomains ? '*.' : ''}${internal}`;
    return [place.line ?? 0, inside, external, ...except, ...(direction === undefined ? [] : [direction])].join(' ');
  });
}

const leftOutOf = ({ leftOut }: Imported) => leftOut.map(({ line, problem }) => `${line} ${problem}`);

describe('readExchangeTable', () => {
  it.each(cases('exchange.yaml'))('$about', ({ text, rows, leftOut = [], notes = [], refused }) => {
    const table = readExchangeTable(text, 'users.csv');
    if (!table.ok) {
      expect(table.reason).toBe(refused);
      return;
    }
    expect(rowsOf(table.value)).toEqual(rows);
    expect(leftOutOf(table.value)).toEqual(leftOut);
    expect(table.value.notes).toEqual(notes);
    expect(isExchangeTable(text)).toBe(true);
  });
});

describe('readPostfixMap', () => {
  it.each(cases('postfix.yaml'))('$about', ({ map, text, rows, leftOut = [] }) => {
    const read = readPostfixMap(text, map, map);
    expect(rowsOf(read)).toEqual(rows);
    expect(leftOutOf(read)).toEqual(leftOut);
    expect(isExchangeTable(text)).toBe(false);
  });

  it('has an answer for every line of any text', () => {
    const words = fc.constantFrom(
      'a@t.example',
      '@s.example',
      'x',
      '"',
      '\\',
      ' ',
      '\t',
      ',',
      '\n',
      '#',
      '|',
      '/',
      '@',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((parts) => parts.join('')),
        ),
        (text) => {
          const { rows, leftOut } = readPostfixMap(text, 'virtual', 'virtual');
          const lines = [...rows.map(({ written }) => written.place.line ?? 0), ...leftOut.map(({ line }) => line)];
          expect(new Set(lines).size).toBe(lines.length);
          const first = text.split(/\r\n?|\n/).findIndex((line) => !/^\s*(?:#|$)/.test(line.replace(/^\ufeff/, '')));
          expect(Math.min(...lines)).toBe(first < 0 ? Infinity : first + 1);
        },
      ),
    );
  });

  it.each([
    ['/etc/postfix/sender_canonical', 'sender_canonical'],
    ['recipient-canonical.txt', 'recipient_canonical'],
    ['canonical', 'canonical'],
    ['virtual_shared', 'virtual'],
    ['Generic', 'generic'],
    ['users', undefined],
  ])('tells the map of %s by its name', (file, map) => {
    expect(postfixMapOf(file)).toBe(map);
  });
});

describe('decodeTable', () => {
  const TEXT = 'Name,InternalAddress,ExternalAddress\r\nJürgen,j@t.example,j@s.example\r\n';
  const utf16 = Buffer.from(`\ufeff${TEXT}`, 'utf16le');

  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
    ['UTF-16 of Windows', utf16],
    ['UTF-16 with the other byte first', Buffer.from(utf16).swap16()],
  ])('reads %s', (_name, bytes) => {
    expect(decodeTable(bytes)).toEqual({ ok: true, value: TEXT });
  });

  it.each([
    ['a database', Buffer.from('\0\0\0\0a@s.example\0b@t.example\0'), /is a database.*postmap -s/],
    ['a code page of Windows', Buffer.from(TEXT, 'latin1'), /is neither UTF-8 nor UTF-16/],
    ['half a character of UTF-16', utf16.subarray(0, utf16.length - 1), /is neither UTF-8 nor UTF-16/],
    ['a packed table', Buffer.from([0x1f, 0x8b, 8, 0]), /packed with gzip/],
  ])('refuses %s and says what to do', (_name, bytes, reason) => {
    const text = decodeTable(bytes);
    expect(text.ok ? '' : text.reason).toMatch(reason);
  });
});
