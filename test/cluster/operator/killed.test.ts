/** The operator may be killed between any two of its writes: what is stored is complete at that moment, and the next one finishes the work. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation } from './installation.ts';
import { killedAt } from './killed-at.ts';
import { configMap, Eyes, relayFleet, rewriteRule, secret, sharedDomain, tenantRoute } from './seen.ts';
import { stored } from './stored.ts';

/** Short terms, so that a killed holder's lease is soon free. */
const settings = {
  leaderElection: { leaseDurationSeconds: 5, renewDeadlineSeconds: 4, retryPeriodSeconds: 0.5 },
  defaultFleet: { create: false },
};
/** More than any of the changes below takes; the test says how many there were. */
const MOST_WRITES = 40;

describe('an operator that is killed', () => {
  let plane: ControlPlane;
  let proxy: FaultyProxy;
  let installation: Installation;
  let eyes: Eyes;

  beforeAll(async () => {
    plane = await startControlPlane();
    proxy = await faultyProxy(plane);
    installation = await install(plane, { namespace: 'mail', settings });
    eyes = new Eyes(plane, 'mail');
    // Fifty follow: this one leaves them its code compiled.
    const one = await installation.startOperator('one');
    await until('it has compiled', async () => (await one.metric('isthmus_operator_compile_seconds_count')) > 0);
    await one.daemon.kill('SIGTERM');
  });
  afterAll(async () => {
    await installation?.stop();
    await proxy?.stop();
    await plane?.stop();
  });

  /** The lease of one that is certainly dead: that others wait until it has ended is tested where they are two. */
  const start = async (name: string, kubeconfig?: string) => {
    await plane.kubectlOrThrow(['delete', 'lease', 'isthmus-operator', '--namespace', 'mail', '--ignore-not-found']);
    return await installation.startOperator(name, kubeconfig);
  };

  /** When it sends its write number `at`; whether it came so far before all was done. */
  async function dies(at: number, isDone: () => Promise<boolean>): Promise<boolean> {
    const victim = await start('victim', proxy.kubeconfig);
    return await killedAt(proxy, victim, { isTime: (before) => before.length + 1 === at, isDone });
  }

  it('leaves a new fleet complete or unpublished, and the next finishes it', { timeout: 600_000 }, async () => {
    let at = 1;
    for (; at <= MOST_WRITES; at++) {
      const name = `new${at}`;
      const isDone = async () => (await eyes.condition('shareddomain', name, 'Programmed'))?.reason === 'NoReadyPods';
      await eyes.apply(
        relayFleet(name, { replicas: 1 }),
        sharedDomain(name, { domain: `${name}.example`, fleetRef: { name } }),
      );
      const wasKilled = await dies(at, isDone);
      await stored(eyes, name);
      const next = await start('next');
      eyes.log = () => next.daemon.log();
      await until(`fleet ${name} is finished`, isDone, { detail: eyes.log });
      const found = await stored(eyes, name);
      expect(found?.config.sharedDomains.map(({ domain }) => domain)).toEqual([`${name}.example`]);
      for (const [kind, object] of [
        ['deployment', `${name}-relay`],
        ['service', `${name}-relay`],
        ['secret', `${name}-signing`],
        ['secret', `${name}-tls`],
      ] as const)
        expect(await eyes.get(kind, object)).toBeDefined();
      await next.daemon.kill('SIGKILL');
      await eyes.remove('shareddomain', name);
      await eyes.remove('relayfleet', name);
      if (!wasKilled) break;
    }
    // A fleet is eight objects, a slot or two, a manifest and its statuses.
    expect(at).toBeGreaterThan(10);
    expect(at).toBeLessThan(MOST_WRITES);
  });

  it('leaves what ran before or what is new, whole, when much changes at once', { timeout: 600_000 }, async () => {
    const header = 'Name,InternalAddress,ExternalAddress\n';
    const table = (round: number) =>
      Array.from(
        { length: 20 },
        (_, index) => `u${index},u${index}.r${round}@tenant1.example,u${index}@shared.example\n`,
      );
    const change = (round: number) =>
      eyes.apply(
        configMap('users', { 'a.csv': header + table(round).join('') }),
        secret('aliases', { 'a.csv': `${header}a,alias${round}@tenant1.example,alias@shared.example\n` }),
      );
    const reference = { sharedDomainRef: { name: 'shared' }, tenantRouteRef: { name: 'tenant1' } };
    await change(0);
    await eyes.apply(
      relayFleet('main', { replicas: 1 }),
      sharedDomain('shared', { domain: 'shared.example', fleetRef: { name: 'main' } }),
      tenantRoute('tenant1'),
      rewriteRule('users', { ...reference, addressesFrom: [{ configMapKeyRef: { name: 'users', key: 'a.csv' } }] }),
      rewriteRule('aliases', { ...reference, addressesFrom: [{ secretKeyRef: { name: 'aliases', key: 'a.csv' } }] }),
    );
    const roundOf = async (): Promise<number[]> => {
      const { config } = (await stored(eyes, 'main')) ?? {};
      const internal = (config?.rewriteRules ?? []).flatMap(({ addresses }) => addresses.map(([address]) => address));
      const rounds = internal.map((address) => Number(/(?:\.r|alias)(\d+)@/.exec(address)?.[1]));
      expect(rounds.length === 0 || rounds.length === 21).toBe(true);
      return [...new Set(rounds)];
    };
    const first = await start('first');
    await until('the first round is stored', async () => (await roundOf())[0] === 0, {
      detail: () => first.daemon.log(),
    });
    await first.daemon.kill('SIGKILL');
    let at = 1;
    for (; at <= MOST_WRITES; at++) {
      await change(at);
      const isDone = async () => {
        const version = (await eyes.get('configmap', 'users'))?.metadata.resourceVersion;
        const rule = await eyes.get('rewriterule', 'users');
        return JSON.stringify(rule?.status?.['sources']).includes(`"${version}"`);
      };
      const wasKilled = await dies(at, isDone);
      const [round, ...others] = await roundOf();
      expect(others).toEqual([]);
      expect([at - 1, at]).toContain(round);
      const next = await start('next');
      eyes.log = () => next.daemon.log();
      await until(`round ${at} is stored`, async () => (await roundOf())[0] === at, { detail: eyes.log });
      await until(`round ${at} is told`, isDone, { detail: eyes.log });
      await next.daemon.kill('SIGKILL');
      if (!wasKilled) break;
    }
    expect(at).toBeGreaterThan(4);
    expect(at).toBeLessThan(MOST_WRITES);
  });
});
