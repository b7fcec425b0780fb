import { describe, expect, test } from 'vitest';
import { type Manifest, manifestSchema, revisionFor } from '../../../relay/core/manifest.ts';

const key = 'a'.repeat(64);
const manifest: Manifest = {
  format: 1,
  revisions: [
    { revision: 'one', state: 'proven', pieces: [{ slot: '07', key }] },
    { revision: 'two', state: 'candidate', pieces: [{ slot: 's07', key }] },
  ],
  memory: [],
};

describe('a manifest', () => {
  test.each([
    ['two', 'two'],
    ['one', 'one'],
    ['', 'one'],
    [undefined, 'one'],
    ['three', 'one'],
  ])('tells a pod that was told %j to run %s', (wanted, expected) => {
    expect(revisionFor(manifest, wanted)?.revision).toBe(expected);
  });

  test('without a proven revision tells nothing to a pod that was not told', () => {
    const candidateOnly = { ...manifest, revisions: manifest.revisions.slice(1) };
    expect(revisionFor(candidateOnly, undefined)).toBeUndefined();
    expect(revisionFor(candidateOnly, 'two')?.revision).toBe('two');
  });

  test.each([
    ['three revisions', { ...manifest, revisions: [...manifest.revisions, manifest.revisions[0]] }],
    ['another format', { ...manifest, format: 2 }],
    ['a key that is a path', { ...manifest, memory: [{ slot: '07', key: '../../etc/passwd' }] }],
    ['a slot that is none', { ...manifest, memory: [{ slot: 'x7', key }] }],
  ])('is refused with %s', (_, broken) => {
    expect(manifestSchema.safeParse(broken).success).toBe(false);
    expect(manifestSchema.safeParse(manifest).success).toBe(true);
  });
});
