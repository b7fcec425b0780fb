/**
 * What happens to a fleet in its life, done by people, machines or accident. Each resolves when it is over and the fleet is as
 * it was, with as many ready pods as before.
 */

import { X509Certificate } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { makeDkimKey } from '../../../demo/scenery.ts';
import { until } from '../daemon.ts';
import { secret } from '../operator/seen.ts';
import { certificateOf, replyTo } from './asking.ts';
import type { Load } from './load.ts';
import { operatorPods, type RelayPod, statusOf } from './pods.ts';
import { addressRule, dkimKeys, tlsSecret } from './resources.ts';
import { OTHER_IMAGE, type World } from './world.ts';

export const REPLICAS = 3;
/** A pod needs seconds to start, five to be believed, and as many as it drains to end: for each of six, on a busy machine. */
const PATIENCE = { seconds: 150, every: 500 };

const uidsOf = (pods: readonly RelayPod[]) => new Set(pods.map(({ uid }) => uid));

async function one(world: World): Promise<RelayPod> {
  const [pod] = (await world.pods()).filter(({ ready }) => ready);
  if (pod === undefined) throw new Error('no relay pod is ready');
  return pod;
}

/** Another pod template, and now and then another image. */
export async function roll(world: World, round: number): Promise<void> {
  const before = uidsOf(await world.pods());
  const image = round % 2 === 0 ? null : OTHER_IMAGE;
  await world.patchFleet({ image, podAnnotations: { 'example.com/round': String(round) } });
  await until('no pod is an old one', async () => (await world.pods()).every(({ uid }) => !before.has(uid)), PATIENCE);
  await world.settled(REPLICAS);
}

/** One mail system answers late after the final dot, another sends everybody away for now. */
export async function rollAmidTrouble(world: World, round: number): Promise<void> {
  world.sinks.setMood('tenant1', { delayMs: 1500 });
  world.sinks.setMood('tenant2', { refuse: '451 4.3.2 Come back later' });
  try {
    await roll(world, round);
  } finally {
    for (const place of ['tenant1', 'tenant2'] as const) world.sinks.setMood(place, {});
  }
}

export async function scale(world: World, load: Load, counts: readonly number[]): Promise<void> {
  for (const replicas of counts) {
    await world.patchFleet({ replicas });
    await world.settled(replicas);
    await load.more(24);
  }
}

export async function withoutOperator(world: World, load: Load): Promise<void> {
  await world.scaleOperator(0);
  await load.more(60);
  await world.scaleOperator(1);
}

/** The operator dies in the middle of a change; until it is back every relay is replaced by one that has run nothing before. */
export async function killOperatorAndRelays(world: World, change: number, delayMs: number): Promise<void> {
  const [operator] = await operatorPods(world.eyes);
  if (operator === undefined) throw new Error('there is no operator');
  await changeRule(world, change);
  await wait(delayMs);
  await world.killProcess(operator);
  await world.scaleOperator(0);
  const names = (await world.pods()).map(({ name }) => name);
  await world.kubectl('delete', 'pod', ...names, '--force', '--grace-period=0');
  // With nobody there who could write anything: what is stored is complete.
  await world.settled(REPLICAS);
  await world.scaleOperator(1);
  await untilKnown(world, change);
}

export async function killRelay(world: World): Promise<void> {
  const pod = await one(world);
  await world.killProcess(pod);
  const isBack = async () =>
    (await world.pods()).some(({ uid, restarts }) => uid === pod.uid && restarts > pod.restarts);
  await until('its container was started again', isBack, PATIENCE);
  await world.settled(REPLICAS);
}

/** A relay is started again while nobody can tell it anything; it runs what it ran. */
export async function withoutApiServer(world: World, load: Load): Promise<void> {
  const pod = await one(world);
  const before = (await statusOf(pod))?.running;
  await world.cluster.controlPlane.stopApi();
  await load.more(36);
  await world.killProcess(pod);
  await until('the relay is gone', async () => (await statusOf(pod)) === undefined, { every: 5 });
  await until('the relay is back', async () => (await statusOf(pod))?.running === before, PATIENCE);
  await load.more(36);
  await world.cluster.controlPlane.startApi();
  await world.settled(REPLICAS);
}

/** That with the most relay pods. */
export async function busiestNode(world: World): Promise<string> {
  const byNode = Map.groupBy(await world.pods(), ({ node }) => node);
  const [busiest] = [...byNode].sort(([, one], [, other]) => other.length - one.length);
  return busiest?.[0] ?? '';
}

export async function drain(world: World, node: string): Promise<void> {
  await world.kubectl('drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=150s');
  await world.settled(REPLICAS);
  await world.kubectl('uncordon', node);
}

/** The power of a node fails for good; the value is how many pods it had. */
export async function killNode(world: World, node: string): Promise<number> {
  const there = (await world.pods()).filter((pod) => pod.node === node);
  await world.cluster.killNode(node);
  const elsewhere = async () => (await world.pods()).filter((pod) => pod.node !== node && pod.ready).length;
  await until('as many pods are ready elsewhere', async () => (await elsewhere()) === REPLICAS, PATIENCE);
  return there.length;
}

/** The value is the fingerprint of the new one. */
export async function renewCertificate(world: World): Promise<string> {
  const renewed = world.sinks.authority.issue('relay.shared.example');
  const { fingerprint256 } = new X509Certificate(renewed.certificate);
  await world.eyes.apply(tlsSecret('relay-tls', renewed));
  const isShown = async () => {
    const shown = await Promise.all((await world.pods()).map(certificateOf));
    return shown.every((fingerprint) => fingerprint === fingerprint256);
  };
  await until('every pod shows the renewed certificate', isShown, PATIENCE);
  return fingerprint256;
}

/** Both sign, then the new one alone; `between` and `after` see what mail is like then. */
export async function rotateDkim(
  world: World,
  selector: string,
  seen: { between(): Promise<void>; after(): Promise<void> },
): Promise<void> {
  const next = makeDkimKey();
  world.dkimRecords[`${selector}._domainkey.shared.example`] = next.record;
  await world.eyes.apply(secret(`${selector}-dkim`, { 'private.key': next.privateKey }));
  const sign = async (dkim: readonly object[]) => {
    await world.merge('shareddomains/shared', { spec: { dkim } });
    await world.programmed();
  };
  const domain = await world.eyes.get('shareddomain', 'shared');
  const before = (domain?.spec?.['dkim'] ?? []) as readonly object[];
  await sign([...before, ...dkimKeys(selector, `${selector}-dkim`)]);
  await seen.between();
  await sign(dkimKeys(selector, `${selector}-dkim`));
  await seen.after();
}

const changedAddress = (change: number): string => `changed${change}@shared.example`;

export async function changeRule(world: World, change: number): Promise<void> {
  const { spec } = addressRule('changing', 'changing@tenant1.example', changedAddress(change));
  await world.merge('rewriterules/changing', { spec });
}

/** Resolves when every pod knows the address of that change. */
export async function untilKnown(world: World, change: number): Promise<void> {
  let heard: string[] = [];
  const isKnown = async () => {
    heard = await Promise.all((await world.pods()).map((pod) => replyTo(pod, changedAddress(change))));
    return heard.every((reply) => reply.startsWith('250'));
  };
  await until('every pod knows the last change', isKnown, { seconds: 90, detail: () => heard.join('; ') });
}
