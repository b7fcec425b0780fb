/** A fleet under load while the machines that it runs on, and the API server, come and go. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { busiestNode, drain, killNode, rollAmidTrouble, withoutApiServer } from './deeds.ts';
import { lost, noticed, underLoad } from './under-load.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world?.stop());

test('its pods are spread over nodes that have no zones', async () => {
  expect(new Set((await world.pods()).map(({ node }) => node))).toEqual(new Set(['node1', 'node2']));
});

test('a node is drained: its pods move to the other, and no connection is refused or cut', async () => {
  const node = await busiestNode(world);
  const outcome = await underLoad(world, 'node drained', () => drain(world, node));
  expect(noticed(outcome)).toEqual([]);
  expect((await world.pods()).map((pod) => pod.node)).not.toContain(node);
});

// After it: until the scheduler has found the API server again it does not see that a node is drained.
test('without an API server mail flows, and a relay that is started again meanwhile runs what it ran', async () => {
  const outcome = await underLoad(world, 'no API server, and a relay killed', (load) => withoutApiServer(world, load));
  expect(lost(outcome)).toEqual([]);
  await world.programmed();
});

// Pods that a drain has put together are spread again by it.
test('a rolling update while one mail system is slow and another sends everybody away: nothing is cut', async () => {
  // Half of the usual: what is sent away comes again and again.
  const trouble = () => rollAmidTrouble(world, 1);
  const outcome = await underLoad(world, 'rolling update, next hops slow and refusing', trouble, { rate: 6 });
  expect(noticed(outcome)).toEqual([]);
  expect(outcome.transient).toEqual({ 451: expect.any(Number) });
});

test('a node dies: what was under way there arrives by another try, and its pods start elsewhere', async () => {
  let died = 0;
  const outcome = await underLoad(world, 'node died', async () => {
    died = await killNode(world, await busiestNode(world));
  });
  expect(died).toBeGreaterThan(0);
  expect(lost(outcome)).toEqual([]);
  await world.programmed();
});
