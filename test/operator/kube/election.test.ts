/** One leader at a time, on a real API server: taking over, losing, being stalled, letting go. */

import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { type Clock, systemClock } from '../../../operator/kube/clock.ts';
import { elect, type Election, type ElectionOptions, LeadershipLost } from '../../../operator/kube/election.ts';
import { LEASE, specOf } from '../../../operator/kube/lease.ts';
import { kubeMetrics } from '../../../operator/kube/metrics.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { until } from '../../cluster/daemon.ts';
import { type Running, start } from '../../support/child-process.ts';
import { type FaultyProxy, faultyProxy } from './faulty-proxy.ts';
import { value } from './following.ts';
import { LASTING_LEASE, QUICK_LEASE } from './quick-lease.ts';

const LEADER_PROCESS = join(import.meta.dirname, 'leader-process.ts');

let cluster: ControlPlane;
let proxy: FaultyProxy;
let kube: Kube;

beforeAll(async () => {
  cluster = await startControlPlane();
  proxy = await faultyProxy(cluster);
  kube = connect({ kubeconfig: cluster.kubeconfig });
}, 120_000);

afterAll(async () => {
  await kube.close();
  await proxy.stop();
  await cluster.stop();
});

/** Everything that happens to several electors, in its order. */
function race(leaseName: string) {
  const events: string[] = [];
  const enter = (identity: string, options: Partial<ElectionOptions> = {}): Election => {
    const election = elect({ kube, namespace: 'default', leaseName, identity, ...LASTING_LEASE, ...options });
    void election.acquired.then(() => events.push(`${identity} leads`));
    election.signal.addEventListener('abort', () => events.push(`${identity} ends`));
    return election;
  };
  const holder = async () => specOf(value(await kube.get(LEASE, 'default', leaseName))).holderIdentity;
  return { events, enter, holder };
}

const leader = (leaseName: string, ...more: string[]): Running =>
  start(process.execPath, [LEADER_PROCESS, cluster.kubeconfig, leaseName, leaseName, ...more]);

test('of five who begin together one leads, and each takes over when the one before lets go', async () => {
  const { events, enter, holder } = race('five');
  const names = ['a', 'b', 'c', 'd', 'e'];
  const electors = new Map(names.map((name) => [name, enter(name)]));
  const order: string[] = [];
  for (const count of names.keys()) {
    await until('somebody leads', () => events.filter((event) => event.endsWith('leads')).length > count);
    const leads = [...electors].filter(([, election]) => election.isLeader()).map(([name]) => name);
    expect(leads).toEqual([await holder()]);
    const name = leads[0] ?? '';
    order.push(name);
    await electors.get(name)?.stop();
    electors.delete(name);
  }
  expect(events).toEqual(order.flatMap((name) => [`${name} leads`, `${name} ends`]));
  expect([...order].sort()).toEqual(names);
  expect(await holder()).toBe('');
});

test('a leader that can reach the server no more ends before another leads', async () => {
  const { events, enter } = race('cut-off');
  const behind = connect({ kubeconfig: proxy.kubeconfig });
  const first = enter('first', { ...QUICK_LEASE, kube: behind });
  await first.acquired;
  const second = enter('second');
  const goOn = proxy.hold();
  await second.acquired;
  expect(events).toEqual(['first leads', 'first ends', 'second leads']);
  expect(first.isLeader()).toBe(false);
  expect(() => first.assertLeader()).toThrow(LeadershipLost);
  expect(first.signal.reason).toEqual(new LeadershipLost('the lease was not renewed for 3000 ms'));
  goOn();
  await Promise.all([first.stop(), second.stop()]);
  await behind.close();
});

test('a leader that fails for a while, shorter than its deadline, stays', async () => {
  const { events, enter, holder } = race('for-a-while');
  const behind = connect({ kubeconfig: proxy.kubeconfig });
  const election = enter('patient', { kube: behind });
  await election.acquired;
  const before = proxy.asked.length;
  proxy.next(['reset', { status: 500 }, { status: 503 }, { status: 429, retryAfter: '3600' }]);
  await until('it has been refused and has renewed again', () => proxy.asked.length > before + 8);
  expect(events).toEqual(['patient leads']);
  expect(await holder()).toBe('patient');
  election.assertLeader();
  await election.stop();
  await behind.close();
});

describe('a leader', () => {
  test('that is killed is followed by another', async () => {
    const killed = leader('killed');
    await killed.waitForOutput(/leads/);
    const { enter, holder } = race('killed');
    const next = enter('next');
    await killed.stop('SIGKILL');
    await next.acquired;
    expect(await holder()).toBe('next');
    expect(specOf(value(await kube.get(LEASE, 'default', 'killed'))).leaseTransitions).toBe(1);
    await next.stop();
  });

  test('that is asked to end lets go: another leads, and does not wait the hour that the lease lasts', async () => {
    const asked = leader('asked', 'lasting');
    await asked.waitForOutput(/leads/);
    const { enter } = race('asked');
    const next = enter('next');
    expect(await asked.stop('SIGTERM')).toBe(0);
    await next.acquired;
    expect(asked.output()).toContain('ended: this process stops');
    await next.stop();
  });

  test('that is stalled writes no more once it goes on', async () => {
    const stalled = leader('stalled');
    await stalled.waitForOutput(/writes/);
    const { enter, holder } = race('stalled');
    const next = enter('next');
    process.kill(stalled.pid, 'SIGSTOP');
    await next.acquired;
    const before = stalled.output().length;
    process.kill(stalled.pid, 'SIGCONT');
    await stalled.waitForOutput(/refused: .*/);
    const after = stalled.output().slice(before);
    expect(after).toContain('refused: the lease was not renewed for 3000 ms');
    expect(after).not.toContain('writes');
    expect(await holder()).toBe('next');
    await stalled.stop('SIGKILL');
    await next.stop();
  });

  test('whose machine was suspended ends, though the monotonic clock stood still', async () => {
    let sleptMs = 0;
    const clock: Clock = { ...systemClock, wall: () => Date.now() + sleptMs };
    const election = race('suspended').enter('suspended', { clock });
    await election.acquired;
    election.assertLeader();
    sleptMs = 61_000;
    expect(election.isLeader()).toBe(false);
    expect(election.signal.aborted).toBe(true);
    await election.stop();
  });

  test('whose lease somebody else writes into ends, whoever it names', async () => {
    const { events, enter } = race('stolen');
    const election = enter('robbed');
    await election.acquired;
    value(await kube.merge(LEASE, 'default', 'stolen', { spec: { holderIdentity: 'thief' } }));
    await until('it notices', () => election.signal.aborted);
    expect(election.signal.reason).toEqual(new LeadershipLost('thief holds the lease'));
    expect(events).toEqual(['robbed leads', 'robbed ends']);
    await election.stop();
  });

  test('whose lease is labelled or deleted holds it again', async () => {
    const { events, enter, holder } = race('touched');
    const election = enter('calm');
    await election.acquired;
    value(await kube.merge(LEASE, 'default', 'touched', { metadata: { labels: { seen: 'yes' } } }));
    const { uid = '' } = value(await kube.get(LEASE, 'default', 'touched')).metadata;
    const renewed = async () => specOf(value(await kube.get(LEASE, 'default', 'touched'))).renewTime;
    const before = await renewed();
    await until('it renews over the label', async () => (await renewed()) !== before);
    value(await kube.remove(LEASE, 'default', 'touched', { uid }));
    await until('it is made again', async () => (await kube.get(LEASE, 'default', 'touched')).ok);
    expect(await holder()).toBe('calm');
    expect(events).toEqual(['calm leads']);
    await election.stop();
  });

  test('is 1 in leader_election_master_status as long as it leads', async () => {
    const registry = new Registry();
    const gauge = async () => /leader_election_master_status{name="counted"} (\d)/.exec(await registry.metrics())?.[1];
    const election = race('counted').enter('counted', { metrics: kubeMetrics(registry) });
    expect(await gauge()).toBe('0');
    await election.acquired;
    expect(await gauge()).toBe('1');
    await election.stop();
    expect(await gauge()).toBe('0');
  });
});

test('times that cannot hold are refused', () => {
  const swapped = { ...QUICK_LEASE, leaseDurationMs: 1200, renewDeadlineMs: 2000 };
  const times = { kube, namespace: 'default', leaseName: 'never', identity: 'x', ...swapped };
  expect(() => elect(times)).toThrow("the lease's duration must be longer than its renew deadline");
});
