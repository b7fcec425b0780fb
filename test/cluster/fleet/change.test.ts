/** A fleet on real nodes whose resources change under load: every pod follows, nothing is lost, and nobody is sent away. */

import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeDkimKey } from '../../../demo/scenery.ts';
import { createVerifier } from '../../../demo/verifier.ts';
import { until } from '../daemon.ts';
import { secret } from '../operator/seen.ts';
import { certificateOf, replyTo } from './asking.ts';
import { addressRule, dkimKeys, SELECTOR, tlsSecret, usersCsv } from './resources.ts';
import { summary, type Took, timeChange } from './timing.ts';
import { USERS } from './traffic.ts';
import { noticed, underLoad } from './under-load.ts';
import { startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 300_000);

afterAll(() => world.stop());

const say = (text: string) => process.stdout.write(`${text}\n`);
const CHANGES = 20;

test('twenty rule changes one after the other and a longer table are in force in every pod, without a restart', async () => {
  await world.eyes.apply(addressRule('extra', 'extra@tenant1.example', 'extra@shared.example'));
  await world.programmed();
  const before = await world.pods();
  const outcome = await underLoad(world, 'rules change', async () => {
    const took: Took[] = [];
    for (let change = 1; change <= CHANGES; change += 1) {
      const rule = addressRule('extra', 'extra@tenant1.example', `extra${change}@shared.example`);
      took.push(await timeChange(world, () => world.merge('rewriterules/extra', { spec: rule.spec })));
    }
    say(summary('one changed rule', took));
    const table = { data: { 'users.csv': usersCsv(USERS + 1) } };
    say(summary('a changed CSV', [await timeChange(world, () => world.merge('configmaps/tenant1-users', table))]));
  });
  expect(noticed(outcome)).toEqual([]);
  const after = await world.pods();
  expect(after.map(({ uid, restarts }) => [uid, restarts])).toEqual(before.map(({ uid }) => [uid, 0]));
  for (const pod of after) {
    expect(await replyTo(pod, `extra${CHANGES}@shared.example`)).toMatch(/^250/);
    expect(await replyTo(pod, `person${USERS}@shared.example`)).toMatch(/^250/);
    expect(await replyTo(pod, `extra${CHANGES - 1}@shared.example`)).toMatch(/^550 5\.1\.1/);
  }
});

test('sixty changes at five a second: the last one is in force in every pod', async () => {
  const outcome = await underLoad(world, 'rules change all the time', async () => {
    const began = performance.now();
    for (let change = 1; change <= 60; change += 1) {
      const rule = addressRule('extra', 'extra@tenant1.example', `often${change}@shared.example`);
      await world.merge('rewriterules/extra', { spec: rule.spec });
      await until('its turn has come', () => performance.now() - began >= change * 200);
    }
    const isLive = async () => {
      const replies = await Promise.all((await world.pods()).map((pod) => replyTo(pod, 'often60@shared.example')));
      return replies.every((reply) => reply.startsWith('250'));
    };
    await until('every pod knows the last change', isLive, { seconds: 60 });
  });
  expect(noticed(outcome)).toEqual([]);
});

test('a renewed certificate is shown to new sessions by every pod', async () => {
  const renewed = world.sinks.authority.issue('relay.shared.example');
  const { fingerprint256 } = new X509Certificate(renewed.certificate);
  const outcome = await underLoad(world, 'the certificate is renewed', async (load) => {
    await world.eyes.apply(tlsSecret('relay-tls', renewed));
    const isShown = async () => {
      const shown = await Promise.all((await world.pods()).map(certificateOf));
      return shown.every((fingerprint) => fingerprint === fingerprint256);
    };
    await until('every pod shows the renewed certificate', isShown, { seconds: 90 });
    await load.more(30);
  });
  expect(noticed(outcome)).toEqual([]);
  expect(Object.keys(outcome.certificates)).toContain(fingerprint256);
});

test('a DKIM key is rotated: first both sign, then the new one alone, and every signature verifies', async () => {
  const next = makeDkimKey();
  const record = `next._domainkey.shared.example`;
  const sign = async (dkim: readonly object[]) => {
    await world.merge('shareddomains/shared', { spec: { dkim } });
    await world.programmed();
  };
  const outcome = await underLoad(world, 'the DKIM key is rotated', async (load) => {
    const verify = createVerifier({ ...world.dkimRecords, [record]: next.record });
    const signatures = async (count: number) => {
      await load.more(12);
      const isSo = async () => {
        const seen = await verify(world.sinks.last('world') ?? Buffer.alloc(0));
        expect(seen.filter(({ result }) => result !== 'pass')).toEqual([]);
        return seen.length === count;
      };
      await until(`mail carries ${count} signatures`, isSo);
    };
    await signatures(1);
    await world.eyes.apply(secret('next-dkim', { 'private.key': next.privateKey }));
    await sign([...dkimKeys(SELECTOR, 'shared-dkim'), ...dkimKeys('next', 'next-dkim')]);
    await signatures(2);
    await sign(dkimKeys('next', 'next-dkim'));
    await signatures(1);
    expect(world.sinks.last('world')?.toString('latin1')).toMatch(/\bs=next;/);
  });
  expect(noticed(outcome)).toEqual([]);
});
