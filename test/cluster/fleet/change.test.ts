/** A fleet on real nodes whose rules, tables and configuration change under load: nothing is lost and nobody is sent away. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { told } from './load.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world.stop());

test('mail flows both ways through the load balancer, and each tenant is known by the address it comes from', async () => {
  const load = await world.load();
  await load.more(40);
  const outcome = await load.end();
  process.stdout.write(`${told('nothing happened', outcome)}\n`);
  expect(outcome.broken).toEqual([]);
});
