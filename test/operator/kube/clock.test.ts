/** Waiting by a clock, and being called off. */

import { expect, test } from 'vitest';
import { pause, systemClock } from '../../../operator/kube/clock.ts';
import { settled, virtualClock } from './virtual-clock.ts';

test('a pause ends with its time', async () => {
  const clock = virtualClock();
  let over = false;
  void pause(clock, 100).then(() => {
    over = true;
  });
  await clock.advance(99);
  expect(over).toBe(false);
  await clock.advance(1);
  expect(over).toBe(true);
});

test('a pause that is called off ends at once and leaves nothing behind', async () => {
  const clock = virtualClock();
  const off = new AbortController();
  const paused = pause(clock, 100, off.signal);
  off.abort();
  await paused;
  expect(clock.pending()).toBe(0);
  await pause(clock, 100, off.signal);
  await settled();
  expect(clock.pending()).toBe(0);
});

test("the machine's clock does not take a month for no time", async () => {
  let called = false;
  const cancel = systemClock.after(31 * 24 * 3_600_000, () => {
    called = true;
  });
  // A timer of its own that was set later, and would come later than one of 1 ms.
  await new Promise<void>((resolve) => void systemClock.after(2, resolve));
  cancel();
  expect(called).toBe(false);
});

test("the machine's clock never goes back and knows the date", () => {
  const times = Array.from({ length: 1000 }, () => systemClock.now());
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(systemClock.wall()).toBeGreaterThan(Date.UTC(2026, 0, 1));
});
