/** Tables of addresses: what is a row, what is said of the others, and how much may be in one. */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readTable, TABLE_OCTETS, type TableRow } from '../../../operator/compile/csv.ts';
import { nodePlatform } from '../../../operator/platform.ts';
import { CASES } from './case.ts';

interface TableCase {
  readonly about: string;
  readonly text: string;
  readonly rows?: string[];
  readonly broken?: string[];
  readonly unknownColumns?: string[];
  readonly refused?: string;
}

const PLATFORM = nodePlatform();
const HEADER = 'InternalAddress,ExternalAddress\n';
const tables = parse(readFileSync(new URL('tables.yaml', CASES), 'utf8')) as TableCase[];
const read = (text: string) => readTable(new TextEncoder().encode(text), PLATFORM);

function show({ line, internal, external, exceptions, outboundOnly, inboundOnly }: TableRow): string {
  const except = exceptions.length === 0 ? [] : ['except', ...exceptions];
  const direction = outboundOnly ? ['outbound'] : inboundOnly ? ['inbound'] : [];
  return [line, internal, external, ...except, ...direction].join(' ');
}

describe('readTable', () => {
  it.each(tables)('$about', ({ text, rows, broken = [], unknownColumns = [], refused }) => {
    const table = read(text);
    if (!table.ok) {
      expect(table.reason).toBe(refused);
      return;
    }
    expect(table.value.rows.map(show)).toEqual(rows);
    expect(table.value.broken.map(({ line, reason }) => `${line} ${reason}`)).toEqual(broken);
    expect(table.value.unknownColumns).toEqual(unknownColumns);
  });

  it('gives back every cell that was quoted', () => {
    const cell = fc.string({ minLength: 1, unit: 'grapheme' }).map((text) => `x${text.replaceAll(/[\r\n]+/g, ' ')}x`);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell)), (pairs) => {
        const quoted = pairs.map((pair) => pair.map((text) => `"${text.replaceAll('"', '""')}"`).join(','));
        const table = read(HEADER + quoted.join('\n'));
        expect(table.ok && table.value.rows.map(({ internal, external }) => [internal, external])).toEqual(pairs);
      }),
    );
  });

  it('reads any text without an exception', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom('"', ',', '\n', '\r', 'a@b.example', '*.c.example', ' ')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(read(HEADER + text)).toHaveProperty('ok', true);
      }),
    );
  });

  it('reads a table that is packed, whatever its key is called', () => {
    const table = readTable(gzipSync(`${HEADER}ann@t.example,ann@s.example\n`), PLATFORM);
    expect(table.ok && table.value.rows.map(show)).toEqual(['2 ann@t.example ann@s.example']);
  });

  it('refuses what would unpack to more than the bound, without unpacking it', () => {
    const bomb = gzipSync(Buffer.alloc(TABLE_OCTETS + 1, 'x'));
    expect(bomb.length).toBeLessThan(20_000);
    expect(readTable(bomb, PLATFORM)).toEqual({ ok: false, reason: `unpacks to more than ${TABLE_OCTETS} octets` });
  });

  it('refuses a plain table above the same bound', () => {
    const large = readTable(new Uint8Array(TABLE_OCTETS + 1).fill(0x78), PLATFORM);
    expect(large).toEqual({ ok: false, reason: `is larger than ${TABLE_OCTETS} octets` });
  });

  it('refuses half a gzip file', () => {
    const half = gzipSync(`${HEADER}ann@t.example,ann@s.example\n`).subarray(0, 30);
    expect(readTable(half, PLATFORM)).toEqual({ ok: false, reason: 'is no complete gzip file' });
  });

  it('refuses what is not UTF-8 and says how to export it', () => {
    const utf16 = new Uint8Array([0xff, 0xfe, 0x4e, 0x00, 0x61, 0x00]);
    expect(readTable(utf16, PLATFORM)).toEqual({ ok: false, reason: 'is not UTF-8; export it with -Encoding utf8' });
  });

  it('gives up on a file in which quotes are wrong everywhere', () => {
    const table = read(HEADER + 'a"b,c\n'.repeat(200));
    expect(table).toEqual({ ok: false, reason: 'has wrong quotes in more than 100 rows; is it a CSV file?' });
  });
});
