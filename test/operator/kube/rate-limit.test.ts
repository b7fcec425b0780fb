/** How long failed keys wait. */

import { expect, test } from 'vitest';
import { RateLimit } from '../../../operator/kube/rate-limit.ts';

test('a key waits twice as long each time, a thousand seconds at most, until it is forgotten', () => {
  const limit = new RateLimit();
  // Ten seconds apart, so that the bucket is full.
  const waits = Array.from({ length: 20 }, (_, index) => limit.next('a', index * 10_000));
  expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
  expect(waits.slice(-3)).toEqual([655_360, 1_000_000, 1_000_000]);
  expect(limit.next('b', 200_000)).toBe(5);
  limit.forget('a');
  expect(limit.next('a', 210_000)).toBe(5);
});

test('a hundred keys fail at once without waiting for each other, the others ten a second', () => {
  const limit = new RateLimit();
  const waits = Array.from({ length: 130 }, (_, index) => limit.next(`key-${index}`, 0));
  expect(waits.slice(0, 100).every((wait) => wait === 5)).toBe(true);
  expect(waits.slice(100)).toEqual(Array.from({ length: 30 }, (_, index) => (index + 1) * 100));
  // Three seconds pay the debt, one more fills ten.
  const later = Array.from({ length: 12 }, (_, index) => limit.next(`later-${index}`, 4000));
  expect(later.slice(0, 10).every((wait) => wait === 5)).toBe(true);
  expect(later.slice(10)).toEqual([100, 200]);
});
