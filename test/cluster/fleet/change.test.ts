/** A fleet on real nodes whose resources change under load: every pod follows, nothing is lost, and nobody is sent away. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVerifier } from '../../../demo/verifier.ts';
import { until } from '../daemon.ts';
import { replyTo } from './asking.ts';
import { changeRule, renewCertificate, rotateDkim, untilKnown } from './deeds.ts';
import type { Load } from './load.ts';
import { runningIn } from './pods.ts';
import { usersCsv } from './resources.ts';
import { summary, type Took, timeChange } from './timing.ts';
import { USERS } from './traffic.ts';
import { noticed, underLoad } from './under-load.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world?.stop());

const say = (text: string) => process.stdout.write(`${text}\n`);
const CHANGES = 20;
const MANY = 200;
const MANY_EVERY_MS = 150;

test('twenty rule changes one after the other and a longer table are in force in every pod, without a restart', async () => {
  const before = await world.pods();
  const outcome = await underLoad(world, 'rules change', async () => {
    const took: Took[] = [];
    for (let change = 1; change <= CHANGES; change += 1) {
      took.push(await timeChange(world, () => changeRule(world, change)));
    }
    say(summary('one changed rule', took));
    const table = { data: { 'users.csv': usersCsv(USERS + 1) } };
    say(summary('a changed CSV', [await timeChange(world, () => world.merge('configmaps/tenant1-users', table))]));
  });
  expect(noticed(outcome)).toEqual([]);
  const after = await world.pods();
  expect(after.map(({ uid, restarts }) => [uid, restarts])).toEqual(before.map(({ uid }) => [uid, 0]));
  await untilKnown(world, CHANGES);
  for (const pod of after) {
    expect(await replyTo(pod, `person${USERS}@shared.example`)).toMatch(/^250/);
    expect(await replyTo(pod, `changed${CHANGES - 1}@shared.example`)).toMatch(/^550 5\.1\.1/);
  }
});

test('two hundred changes in half a minute: the last one is what every pod runs', async () => {
  const last = CHANGES + MANY;
  const outcome = await underLoad(world, 'rules change all the time', async () => {
    const began = performance.now();
    for (let change = CHANGES + 1; change <= last; change += 1) {
      await changeRule(world, change);
      const turn = (change - CHANGES) * MANY_EVERY_MS;
      await until('its turn has come', () => performance.now() - began >= turn, { every: 5 });
    }
    say(`${MANY} changes in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    await untilKnown(world, last);
    await world.programmed();
  });
  expect(noticed(outcome)).toEqual([]);
  const pods = await world.pods();
  expect(new Set(await runningIn(pods)).size).toBe(1);
  expect(pods.map(({ restarts }) => restarts)).toEqual(pods.map(() => 0));
  for (const pod of pods) {
    expect(await replyTo(pod, `changed${last - 1}@shared.example`)).toMatch(/^550 5\.1\.1/);
  }
});

test('a renewed certificate is shown to new sessions by every pod', async () => {
  let renewed = '';
  const outcome = await underLoad(world, 'the certificate is renewed', async (load) => {
    renewed = await renewCertificate(world);
    await load.more(30);
  });
  expect(noticed(outcome)).toEqual([]);
  expect(Object.keys(outcome.certificates)).toContain(renewed);
});

test('a DKIM key is rotated: first both sign, then the new one alone, and every signature verifies', async () => {
  const outcome = await underLoad(world, 'the DKIM key is rotated', async (load) => {
    await signatures(load, 1);
    await rotateDkim(world, 'next', { between: () => signatures(load, 2), after: () => signatures(load, 1) });
    expect(world.sinks.last('world')?.toString('latin1')).toMatch(/\bs=next;/);
  });
  expect(noticed(outcome)).toEqual([]);
});

/** Resolves when mail that leaves carries so many, all of which a foreign verifier finds good. */
async function signatures(load: Load, count: number): Promise<void> {
  const verify = createVerifier(world.dkimRecords);
  await load.more(12);
  const isSo = async () => {
    const seen = await verify(world.sinks.last('world') ?? Buffer.alloc(0));
    expect(seen.filter(({ result }) => result !== 'pass')).toEqual([]);
    return seen.length === count;
  };
  await until(`mail carries ${count} signatures`, isSo);
}
