/** Tables cut into pieces: nothing of a row is lost, no piece is too large, and a small change stays small. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutIntoPieces } from '../../../cli/import/pieces.ts';
import { type NamedRow, settle } from '../../../cli/import/settle.ts';
import { UNBOUNDED } from '../../../cli/import/bounds.ts';
import { parseTable } from '../../../operator/compile/csv.ts';
import type { AddressRow } from '../../../operator/compile/rows.ts';
import type { Direction } from '../../../relay/core/config.ts';

interface Written {
  readonly name?: string;
  readonly internal: string;
  readonly external: string;
  readonly direction?: Direction;
}

function rowsOf(written: readonly Written[]): readonly NamedRow<AddressRow>[] {
  const imported = written.map(({ name = '', internal, external, direction }, index) => ({
    name,
    written: {
      internal,
      external,
      exceptions: [],
      includeSubdomains: false,
      direction,
      place: { where: 'users.csv', line: index + 2, path: '' },
    },
  }));
  return settle(imported, UNBOUNDED).addresses;
}

const person = (index: number): Written => ({
  name: `Person ${index}`,
  internal: `person.number.${index}@tenant1.example`,
  external: `person.number.${index}@shared.example`,
});
const people = (count: number) => Array.from({ length: count }, (_, index) => person(index));

/** As another object in kubectl's annotation. */
const octets = (piece: string) => Buffer.byteLength(JSON.stringify(piece));

describe('cutIntoPieces', () => {
  it('keeps every address, direction and, on one line, name', () => {
    const localPart = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .map((text) => `"${text.replace(/[\\"]/g, '\\$&')}"`);
    const row = fc.record({
      name: fc.string({ unit: 'binary' }),
      internal: localPart.map((local) => `${local}@t.example`),
      external: localPart.map((local) => `${local}@s.example`),
      direction: fc.constantFrom<Direction>('Both', 'OutboundOnly', 'InboundOnly'),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (written) => {
        const rows = rowsOf(written);
        const [piece = ''] = cutIntoPieces(rows);
        const table = parseTable(piece);
        expect(table.ok && table.value.broken).toEqual([]);
        expect(
          table.ok &&
            table.value.rows.map(({ internal, external, outboundOnly, inboundOnly }) => {
              return [internal, external, outboundOnly ? 'OutboundOnly' : inboundOnly ? 'InboundOnly' : 'Both'];
            }),
        ).toEqual(rows.map(({ row: { internal, external, direction } }) => [internal, external, direction]));
        expect(piece).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]/u);
      }),
    );
  });

  it('leaves all pieces but one as they are when a row is added', () => {
    const before = cutIntoPieces(rowsOf(people(5000)));
    const after = cutIntoPieces(rowsOf(people(5001)));
    expect(before.length).toBe(4);
    expect(after.length).toBe(4);
    expect(after.filter((piece, index) => piece !== before[index])).toHaveLength(1);
  });

  it('leaves all pieces but one as they are when a row changes its direction or name', () => {
    const [first, ...others] = people(5000);
    const before = cutIntoPieces(rowsOf(people(5000)));
    const changed: Written = { ...person(0), name: 'Renamed', direction: 'OutboundOnly' };
    const after = cutIntoPieces(rowsOf([...others, changed]));
    expect(first).toBeDefined();
    expect(after.filter((piece, index) => piece !== before[index])).toHaveLength(1);
  });

  it.each([
    [
      'one mailbox with thousands of aliases',
      (index: number): Written => ({ ...person(index), internal: 'a@t.example', direction: 'InboundOnly' }),
    ],
    [
      'one shared address of thousands of senders',
      (index: number): Written => ({ ...person(index), external: 'a@s.example', direction: 'OutboundOnly' }),
    ],
    ['names as long as somebody likes', (index: number): Written => ({ ...person(index), name: '<&>'.repeat(1000) })],
  ])('makes small enough pieces of %s', (_name, row) => {
    const pieces = cutIntoPieces(rowsOf(Array.from({ length: 5000 }, (_, index) => row(index))));
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(octets(piece.replaceAll(/[<>&]/g, '<<<<<<'))).toBeLessThan(210_000);
    expect(pieces.join('').match(/\n/g)).toHaveLength(5000 + pieces.length);
  });
});
