/** A fleet on real nodes whose pods, and whose operator, come and go under load. */

import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../daemon.ts';
import { changeRule, killRelay, REPLICAS, roll, scale, untilKnown, withoutOperator } from './deeds.ts';
import { runningIn } from './pods.ts';
import { poison } from './poison.ts';
import { lost, noticed, underLoad } from './under-load.ts';
import { type WatchedOperator, watchOperator, type Written } from './watched-operator.ts';
import { startWorld, type World } from './world.ts';

/** What has been written of one change when the operator dies: each kind of write is the last one once. */
const CUTS: readonly Partial<Written>[] = [
  {},
  { slot: 1 },
  { manifest: 1 },
  { pod: 1 },
  { manifest: 2 },
  { manifest: 2, pod: REPLICAS },
  { manifest: 2, pod: REPLICAS, status: 2 },
];

/** Each of them takes ten seconds, and three times as many on a busy machine. */
const PATIENT = { timeout: 480_000 };

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world?.stop());

test('a rolling update to another image: no connection is refused or cut, and every pod is a new one', async () => {
  const outcome = await underLoad(world, 'rolling update', () => roll(world, 1));
  expect(noticed(outcome)).toEqual([]);
  // Every session that is kept meets a pod that ends, at rest or in the middle of a message.
  expect(outcome.toldToGo).toBeGreaterThan(0);
  expect(outcome.acceptedInDrain).toBeGreaterThan(0);
});

test('scaled from 3 to 6 to 2: no connection is refused or cut', async () => {
  const outcome = await underLoad(world, 'scaled from 3 to 6 to 2', (load) => scale(world, load, [6, 2, REPLICAS]));
  expect(noticed(outcome)).toEqual([]);
});

test('without an operator mail flows as before', async () => {
  const outcome = await underLoad(world, 'no operator', (load) => withoutOperator(world, load));
  expect(noticed(outcome)).toEqual([]);
});

describe('an operator of which every write is watched', () => {
  let operator: WatchedOperator;

  beforeAll(async () => {
    operator = await watchOperator(world);
  }, 120_000);

  afterAll(() => operator?.stop());

  // One after the other under one load: what the next one finds is what the one before it was able to repair.
  test('is killed after each kind of write, then every relay is replaced: all of it still runs', PATIENT, async () => {
    const came: string[] = [];
    const outcome = await underLoad(world, 'operator killed between its writes, relays replaced', async () => {
      for (const [index, written] of CUTS.entries()) {
        const began = performance.now();
        const wasKilled = await operator.killedAfter(index + 1, written);
        const took = `${((performance.now() - began) / 1000).toFixed(0)} s`;
        process.stdout.write(`killed after ${JSON.stringify(written)}, everything back in ${took}\n`);
        if (wasKilled) came.push(JSON.stringify(written));
      }
    });
    expect(came).toEqual(CUTS.map((written) => JSON.stringify(written)));
    expect(lost(outcome)).toEqual([]);
  });

  test('a configuration that kills whoever runs it reaches one pod, is withdrawn, and says so', async () => {
    const programmed = () => world.eyes.condition('rewriterule', 'changing', 'Programmed');
    const before = await runningIn(await world.pods());
    let had: ReadonlySet<string> = new Set();
    const outcome = await underLoad(world, 'a poisonous change', async () => {
      const hasFailed = async () => (await programmed())?.reason === 'CanaryFailed';
      had = await poison(world, operator.proxy, () => changeRule(world, 1000), hasFailed);
      const isAsBefore = async () => isDeepStrictEqual(await runningIn(await world.settled(REPLICAS)), before);
      await until('all run what they ran', isAsBefore, { seconds: 60 });
    });
    expect(lost(outcome)).toEqual([]);
    expect(had.size).toBe(1);
    expect((await world.pods()).filter(({ restarts }) => restarts > 0).map(({ uid }) => uid)).toEqual([...had]);
    expect(await world.eyes.condition('rewriterule', 'mary', 'Programmed')).toMatchObject({ status: 'True' });
    await changeRule(world, 1001);
    await untilKnown(world, 1001);
    await world.programmed();
  });
});

test('a relay whose process is killed starts again, and what was under way arrives by another try', async () => {
  const outcome = await underLoad(world, 'kill -9 of a relay', () => killRelay(world));
  expect(lost(outcome)).toEqual([]);
});
