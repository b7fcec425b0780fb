/** A fleet on real nodes whose pods, and whose operator, come and go under load. */

import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../daemon.ts';
import { replyTo } from './asking.ts';
import { operatorPods } from './pods.ts';
import { addressRule } from './resources.ts';
import { lost, noticed, underLoad } from './under-load.ts';
import { OTHER_IMAGE, startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world.stop());

const uids = async () => (await world.pods()).map(({ uid }) => uid);

test('a rolling update to another image: no connection is refused or cut, and every pod is a new one', async () => {
  const before = await uids();
  const outcome = await underLoad(world, 'rolling update', async () => {
    await world.patchFleet({ image: OTHER_IMAGE, podAnnotations: { 'example.com/round': '1' } });
    const isNew = async () => (await uids()).every((uid) => !before.includes(uid));
    await until('no pod is an old one', isNew, { seconds: 150, every: 500 });
    await world.settled(3);
  });
  expect(noticed(outcome)).toEqual([]);
  await world.programmed();
});

test('scaled from 3 to 6 to 2: no connection is refused or cut', async () => {
  const outcome = await underLoad(world, 'scaled from 3 to 6 to 2', async (load) => {
    await world.patchFleet({ replicas: 6 });
    await world.settled(6);
    await load.more(24);
    await world.patchFleet({ replicas: 2 });
    await world.settled(2);
  });
  expect(noticed(outcome)).toEqual([]);
  await world.patchFleet({ replicas: 3 });
  await world.settled(3);
});

test('without an operator mail flows as before', async () => {
  const outcome = await underLoad(world, 'no operator', async (load) => {
    await world.scaleOperator(0);
    await load.more(60);
    await world.scaleOperator(1);
  });
  expect(noticed(outcome)).toEqual([]);
});

// At once: before it has seen the change. Later: between any two of its writes.
test.for([0, 120, 250, 500])(
  'the operator is killed %i ms after a change, then every relay is replaced before it is back: all of it still runs',
  async (delay) => {
    const shared = `late${delay}@shared.example`;
    const outcome = await underLoad(world, `operator killed after ${delay} ms, relays replaced`, async () => {
      const [operator] = await operatorPods(world.eyes);
      if (operator === undefined) throw new Error('there is no operator');
      await world.eyes.apply(addressRule('late', 'late@tenant1.example', shared));
      await wait(delay);
      await world.killProcess(operator);
      await world.scaleOperator(0);
      const names = (await world.pods()).map(({ name }) => name);
      await world.kubectl('delete', 'pod', ...names, '--force', '--grace-period=0');
      // With nobody there who could write anything: what is stored is complete.
      await world.settled(3);
      await world.scaleOperator(1);
    });
    expect(lost(outcome)).toEqual([]);
    await world.programmed();
    for (const pod of await world.pods()) expect(await replyTo(pod, shared)).toMatch(/^250/);
  },
);

test('a relay whose process is killed starts again, and what was under way arrives by another try', async () => {
  const outcome = await underLoad(world, 'kill -9 of a relay', async () => {
    const [pod] = await world.pods();
    if (pod === undefined) throw new Error('there is no pod');
    await world.killProcess(pod);
    const isBack = async () => (await world.pods()).some(({ uid, restarts }) => uid === pod.uid && restarts === 1);
    await until('its container was started again', isBack, { seconds: 60, every: 250 });
    await world.settled(3);
  });
  expect(lost(outcome)).toEqual([]);
});
