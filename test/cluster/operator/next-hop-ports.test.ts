/** The NetworkPolicy lets pods reach the mail systems of the configuration that they run, not only of the newest. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../daemon.ts';
import { stored } from './stored.ts';
import { type Workbench, workbench } from './workbench.ts';

const IMAGE = 'relay.example/relay:1';
/** Longer than a pod that may still become ready is waited for. */
const PATIENCE_MS = 31_000;

interface Rule {
  readonly to: readonly object[];
  readonly ports: readonly { readonly port: number }[];
}

let bench: Workbench;

beforeAll(async () => {
  bench = await workbench();
}, 300_000);
afterAll(() => bench?.stop());

/** Outside of the cluster, besides DNS and the web. */
async function mailPorts(fleet: string): Promise<number[]> {
  const policy = await bench.eyes.get('networkpolicy', `${fleet}-relay`);
  const { egress = [] } = (policy?.['spec'] ?? {}) as { readonly egress?: readonly Rule[] };
  const outside = egress.filter(({ to }) => JSON.stringify(to).includes('0.0.0.0/0'));
  return outside.flatMap(({ ports }) => ports.map(({ port }) => port)).filter((port) => port !== 443);
}

it('while the newest is held back, after a new leader has come, and until it is in force', async () => {
  const { fleet, resource } = await bench.fleet('held');
  const running = await bench.compiled('held', 't0');
  fleet.take(running);
  await fleet.look(resource, IMAGE);
  expect(await mailPorts('held')).toEqual([25, 2525]);

  const newest = { ...(await bench.compiled('held', 't1')), ports: { nextHops: [25, 587] } };
  const held = { ...newest, unknown: ['Secret of a tenant cannot be read.'] };
  fleet.take(held);
  await fleet.look(resource, IMAGE);
  expect(await mailPorts('held')).toEqual([25, 587, 2525]);

  const next = await bench.again('held');
  next.fleet.take(held);
  await next.fleet.look(next.resource, IMAGE);
  expect(await mailPorts('held')).toEqual([25, 587, 2525]);

  next.fleet.take(newest);
  const inForce = async () => {
    bench.now += PATIENCE_MS;
    await next.fleet.look(next.resource, IMAGE);
    const revisions = (await stored(bench.eyes, 'held'))?.manifest.revisions ?? [];
    return revisions.length === 1 && revisions[0]?.revision === newest.revision;
  };
  await until('the newest is in force', inForce, { seconds: 60, every: 200 });
  await next.fleet.look(next.resource, IMAGE);
  expect(await mailPorts('held')).toEqual([25, 587]);
}, 120_000);
