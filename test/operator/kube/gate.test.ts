/** How many calls go through at once. */

import { expect, test } from 'vitest';
import { Gate } from '../../../operator/kube/gate.ts';
import { settled } from './virtual-clock.ts';

test('lets so many through, the others in their order, and is not blocked by failures', async () => {
  const gate = new Gate(2);
  const inside: number[] = [];
  const ends = Array.from({ length: 6 }, () => Promise.withResolvers<number>());
  const passed = ends.map(({ promise }, index) =>
    gate.pass(() => {
      inside.push(index);
      return promise;
    }),
  );
  const failed = passed[0]?.catch((error: unknown) => error);
  await settled();
  expect(inside).toEqual([0, 1]);
  ends[0]?.reject(new Error('broken'));
  expect(await failed).toEqual(new Error('broken'));
  await settled();
  expect(inside).toEqual([0, 1, 2]);
  for (const [index, end] of ends.entries()) end.resolve(index);
  expect(await Promise.all(passed.slice(1))).toEqual([1, 2, 3, 4, 5]);
  expect(inside).toEqual([0, 1, 2, 3, 4, 5]);
});
