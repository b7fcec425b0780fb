/** What a bounded map forgets. */

import { expect, test } from 'vitest';
import { LruMap } from '../../../operator/kube/lru-map.ts';

test('what has not been asked for the longest time is forgotten first', () => {
  const map = new LruMap<{ made: string }>(2);
  const ask = (key: string, made: string) => map.get(key, () => ({ made })).made;
  expect([ask('a', 'first'), ask('b', 'first'), ask('a', 'second')]).toEqual(['first', 'first', 'first']);
  expect(ask('c', 'first')).toBe('first');
  expect([ask('a', 'third'), ask('b', 'third')]).toEqual(['first', 'third']);
});
