import { describe, expect, test } from 'vitest';
import { OBJECT_BYTES, PIECE_BYTES } from '../../../operator/manifests/names.ts';
import { roomFor } from '../../../operator/slots/retain.ts';

const piece = (key: string, octets: number) => ({ key, bytes: new Uint8Array(octets) });

describe('room in a slot', () => {
  test('is there for two revisions, and nothing leaves while all of it fits', () => {
    const present = new Map([['old', PIECE_BYTES]]);
    expect(roomFor(present, [piece('new', PIECE_BYTES)], new Set(['old']))).toEqual({ ok: true, remove: [] });
    expect(roomFor(new Map([['gone', 100]]), [piece('new', 100)], new Set())).toEqual({ ok: true, remove: [] });
  });

  test('is made by what the manifest does not list, no more than must, the largest first', () => {
    const present = new Map([
      ['proven', PIECE_BYTES],
      ['small', 1000],
      ['large', 200_000],
      ['candidate', 100_000],
    ]);
    const result = roomFor(present, [piece('new', PIECE_BYTES)], new Set(['proven']));
    expect(result).toEqual({ ok: true, remove: ['large'] });
  });

  test('is not made by what the manifest lists, nor by what is written again', () => {
    const present = new Map([
      ['proven', PIECE_BYTES],
      ['candidate', PIECE_BYTES],
    ]);
    const refused = roomFor(present, [piece('new', PIECE_BYTES)], new Set(['proven', 'candidate']));
    expect(refused).toEqual({ ok: false, reason: expect.stringContaining(`an object takes ${OBJECT_BYTES}`) });
    const again = roomFor(present, [piece('candidate', PIECE_BYTES)], new Set(['proven']));
    expect(again).toEqual({ ok: true, remove: [] });
  });
});
