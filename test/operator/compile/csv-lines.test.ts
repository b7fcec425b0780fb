/** What is split line by line is what a reader of all of CSV makes of it. */

import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvRecord, splitPlainLines } from '../../../operator/compile/csv-lines.ts';

const text = (...characters: string[]) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 40 });

/** Of a text whose every line is a record. */
function parsed(table: string, delimiter: string): CsvRecord[] {
  const records = parse(table, { delimiter, relax_column_count: true }) as string[][];
  return records.flatMap((cells, at) => (cells.length > 1 || cells[0]?.trim() !== '' ? [{ line: at + 1, cells }] : []));
}

describe('splitPlainLines', () => {
  it('comes to the same as csv-parse, or leaves it to that', () => {
    let split = 0;
    fc.assert(
      fc.property(text('a', 'é', ' ', ',', ';', '\n', '"'), fc.constantFrom(',', ';'), (table, delimiter) => {
        const records = splitPlainLines(table, delimiter);
        if (records === undefined) return;
        split += 1;
        expect(records).toEqual(parsed(table, delimiter));
      }),
      { numRuns: 5000 },
    );
    expect(split).toBeGreaterThan(500);
  });

  it('leaves nothing to csv-parse that has no quotes, or quotes around whole cells only', () => {
    const cell = fc.tuple(text('a', ' ', '@'), fc.boolean()).map(([inner, quoted]) => (quoted ? `"${inner}"` : inner));
    const table = fc.array(fc.array(cell, { minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(table, (rows) => {
        const written = rows.map((cells) => cells.join(',')).join('\n');
        expect(splitPlainLines(written, ',')).toEqual(parsed(written, ','));
      }),
    );
  });
});
