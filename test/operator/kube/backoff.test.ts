/** How long a watch waits before it tries again. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backoff, WATCH_BACKOFF } from '../../../operator/kube/backoff.ts';

test('doubles from 0.8 s to 30 s', () => {
  const backoff = new Backoff(WATCH_BACKOFF, () => 1);
  const waits = Array.from({ length: 8 }, () => backoff.next(0));
  expect(waits).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test('begins anew two minutes after the last wait was over', () => {
  const backoff = new Backoff(WATCH_BACKOFF, () => 1);
  expect([backoff.next(0), backoff.next(1000)]).toEqual([800, 1600]);
  expect(backoff.next(2600 + 120_000)).toBe(3200);
  expect(backoff.next(2600 + 120_000 + 3200 + 120_001)).toBe(800);
});

test('is somewhere in the second half of its step, ten thousand times as well as once', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (random) => {
      const backoff = new Backoff(WATCH_BACKOFF, () => random);
      let wait = 0;
      for (let each = 0; each < 10_000; each++) wait = backoff.next(0);
      expect(wait).toBeGreaterThanOrEqual(15_000);
      expect(wait).toBeLessThanOrEqual(30_000);
    }),
    { numRuns: 20 },
  );
});
