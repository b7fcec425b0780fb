import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIRECTIONS } from '../../../relay/core/config.ts';
import { addressAt, packRows, rowAt, sameRows } from '../../../relay/core/packed-rows.ts';

const localPart = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9.+]{1,10}$/),
  fc.stringMatching(/^[äöü€]{1,3}$/),
  fc.constantFrom('"a b"', '"@"', '😀', '"\\"x"'),
);
const address = fc
  .tuple(localPart, fc.constantFrom('tenant1.example', 'a.tenant1.example', 'shared.example', '[192.0.2.1]'))
  .map(([local, domain]) => `${local}@${domain}`);
const rows = fc.array(fc.tuple(address, address, fc.constantFrom(...DIRECTIONS)), { maxLength: 12 });

describe('packed rows', () => {
  test('are read back as they were', () => {
    fc.assert(
      fc.property(rows, (written) => {
        const packed = packRows(written, 'people');
        expect(packed.count).toBe(written.length);
        expect(written.map((_, at) => rowAt(packed, at))).toEqual(written);
        expect(written.map((_, at) => addressAt(packed, at, 1))).toEqual(written.map((row) => row[1]));
      }),
    );
  });

  test('are the same exactly when their rows are', () => {
    fc.assert(
      fc.property(rows, rows, (one, other) => {
        const equal = JSON.stringify(one) === JSON.stringify(other);
        expect(sameRows(packRows(one, 'a'), packRows(other, 'b'))).toBe(equal);
        expect(sameRows(packRows(one, 'a'), packRows(structuredClone(one), 'b'))).toBe(true);
      }),
    );
  });

  test('name the rule of an address that is none, and not the address', () => {
    expect(() => packRows([['nonsense', 'a@shared.example', 'Both']], 'people')).toThrow(
      /^rule people in the configuration holds an address that has no @$/,
    );
  });
});
