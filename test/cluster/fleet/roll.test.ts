/** A fleet on real nodes whose pods, and whose operator, come and go under load. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { killOperatorAndRelays, killRelay, REPLICAS, roll, scale, withoutOperator } from './deeds.ts';
import { lost, noticed, underLoad } from './under-load.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world?.stop());

test('a rolling update to another image: no connection is refused or cut, and every pod is a new one', async () => {
  const outcome = await underLoad(world, 'rolling update', () => roll(world, 1));
  expect(noticed(outcome)).toEqual([]);
});

test('scaled from 3 to 6 to 2: no connection is refused or cut', async () => {
  const outcome = await underLoad(world, 'scaled from 3 to 6 to 2', (load) => scale(world, load, [6, 2, REPLICAS]));
  expect(noticed(outcome)).toEqual([]);
});

test('without an operator mail flows as before', async () => {
  const outcome = await underLoad(world, 'no operator', (load) => withoutOperator(world, load));
  expect(noticed(outcome)).toEqual([]);
});

// At once: before it has seen the change. Later: between any two of its writes.
test.for([0, 200, 500])(
  'the operator is killed %i ms after a change, then every relay is replaced before it is back: all of it still runs',
  async (delay) => {
    const killed = () => killOperatorAndRelays(world, 1 + delay, delay);
    const outcome = await underLoad(world, `operator killed after ${delay} ms, relays replaced`, killed);
    expect(lost(outcome)).toEqual([]);
  },
);

test('a relay whose process is killed starts again, and what was under way arrives by another try', async () => {
  const outcome = await underLoad(world, 'kill -9 of a relay', () => killRelay(world));
  expect(lost(outcome)).toEqual([]);
});
