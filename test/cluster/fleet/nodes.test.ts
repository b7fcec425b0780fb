/** A fleet under load while the machines that it runs on, and the API server, come and go. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../daemon.ts';
import { statusOf } from './pods.ts';
import { lost, noticed, underLoad } from './under-load.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world.stop());

const podsOn = async (node: string) => (await world.pods()).filter((pod) => pod.node === node);

test('without an API server mail flows, and a relay that is started again meanwhile runs what it ran', async () => {
  const [pod] = await world.pods();
  if (pod === undefined) throw new Error('there is no pod');
  const before = await statusOf(pod);
  const outcome = await underLoad(world, 'no API server, and a relay killed', async (load) => {
    await world.cluster.controlPlane.stopApi();
    await load.more(36);
    await world.killProcess(pod);
    let answered = true;
    const isBack = async () => {
      const running = (await statusOf(pod))?.running;
      answered &&= running !== undefined;
      return !answered && running !== undefined;
    };
    await until('the relay is back', isBack, { seconds: 60, every: 10 });
    expect((await statusOf(pod))?.running).toBe(before?.running);
    await load.more(36);
    await world.cluster.controlPlane.startApi();
  });
  expect(lost(outcome)).toEqual([]);
  await world.settled(3);
  await world.programmed();
});

test('a node is drained: its pods move to the other, and no connection is refused or cut', async () => {
  const outcome = await underLoad(world, 'node drained', async () => {
    await world.kubectl('drain', 'node2', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=150s');
    await world.settled(3);
  });
  expect(noticed(outcome)).toEqual([]);
  expect((await podsOn('node1')).length).toBe(3);
  await world.kubectl('uncordon', 'node2');
});

test('a node dies: what was under way there arrives by another try, and its pods start elsewhere', async () => {
  await world.patchFleet({ podAnnotations: { 'example.com/round': '1' } });
  const isSpread = async () => (await podsOn('node2')).some(({ ready }) => ready);
  await until('pods are on both nodes again', isSpread, { seconds: 120, every: 500 });
  await world.settled(3);
  const outcome = await underLoad(world, 'node died', async () => {
    await world.cluster.killNode('node2');
    const areReady = async () => (await podsOn('node1')).filter(({ ready }) => ready).length === 3;
    await until('three pods are ready on the other node', areReady, { seconds: 120, every: 500 });
  });
  expect(lost(outcome)).toEqual([]);
  await world.programmed();
});
