/** What the cluster does not let the operator do is said where one looks for it, and done soon after it may be done. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asked, type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, relayFleet, sharedDomain } from './seen.ts';
import { stored } from './stored.ts';

describe('an operator', () => {
  let plane: ControlPlane;
  let proxy: FaultyProxy;
  let installation: Installation;
  let operator: OperatorProcess;
  let eyes: Eyes;

  const readyz = async () => (await fetch(`${operator.health}/readyz`)).status;

  beforeAll(async () => {
    plane = await startControlPlane();
    proxy = await faultyProxy(plane);
    installation = await install(plane, { namespace: 'mail' });
    eyes = new Eyes(plane, 'mail');
    eyes.log = () => operator?.daemon.log() ?? '';
  });
  afterAll(async () => {
    await installation?.stop();
    await proxy?.stop();
    await plane?.stop();
  });

  it('that may not list a kind says which and what to do, is not ready, and goes on when it may', async () => {
    const role = (await eyes.list('roles')).find((each) => JSON.stringify(each).includes('networkpolicies'));
    const rules = (role as unknown as { rules: { resources: string[] }[] }).rules;
    const setRules = (to: unknown) =>
      plane.kubectlOrThrow([
        ...['patch', 'role', role?.metadata.name ?? '', '--namespace', 'mail', '--type=merge', '--patch'],
        JSON.stringify({ rules: to }),
      ]);
    await setRules(rules.filter(({ resources }) => !resources.includes('networkpolicies')));
    operator = await installation.startOperator();
    const told = () => operator.logs().find(({ watch }) => String(watch).startsWith('networkpolicies'));
    await until('it says so', () => told() !== undefined, { detail: eyes.log });
    expect(told()).toMatchObject({ namespace: 'mail', reason: expect.stringContaining('forbidden') as string });
    expect(String(told()?.['advice'])).toContain('helm upgrade');
    expect(await readyz()).toBe(503);
    expect(await eyes.get('configmap', 'default-f1')).toBeUndefined();
    await setRules(rules);
    await until('it is ready', async () => (await readyz()) === 200, { seconds: 60, detail: eyes.log });
    await operator.daemon.kill('SIGTERM');
    expect(operator.logs().some(({ msg }) => msg === 'this process leads no longer')).toBe(false);
  });

  it('makes the default fleet though the first tries fail', { timeout: 60_000 }, async () => {
    await eyes.remove('relayfleet', 'default');
    const isDefault = ({ method, path }: Asked) => method === 'PATCH' && path.endsWith('/relayfleets/default');
    proxy.next([{ status: 500 }, { status: 403, reason: 'Forbidden' }], isDefault);
    operator = await installation.startOperator('second', proxy.kubeconfig);
    const fleet = await eyes.until('relayfleet', 'default', 'is there', (seen) => seen !== undefined);
    expect(fleet?.spec?.['replicas']).toBe(3);
  });

  it('publishes changes while the API server refuses a Service, and says on the fleet what it refuses', {
    timeout: 120_000,
  }, async () => {
    const service = { type: 'LoadBalancer', loadBalancerClass: 'example.com/one' };
    await eyes.apply(
      relayFleet('fixed', { replicas: 1, service }),
      sharedDomain('first', { domain: 'first.example', fleetRef: { name: 'fixed' } }),
    );
    await eyes.until('service', 'fixed-relay', 'is there', (seen) => seen !== undefined);
    const replaced = { ...service, ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' };
    await eyes.apply(relayFleet('fixed', { replicas: 1, service: replaced }));
    const fleet = await eyes.until('relayfleet', 'fixed', 'says what is refused', (seen) => {
      const ready = seen?.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.message.includes('Service fixed-relay cannot be written') === true;
    });
    expect(fleet?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False' });
    await eyes.apply(sharedDomain('second', { domain: 'second.example', fleetRef: { name: 'fixed' } }));
    await until('the change is stored', async () => {
      const { config } = (await stored(eyes, 'fixed')) ?? {};
      return config?.sharedDomains.length === 2;
    });
    await eyes.apply(relayFleet('fixed', { replicas: 1, service }));
    await eyes.until('relayfleet', 'fixed', 'has no trouble any more', (seen) => {
      return !JSON.stringify(seen?.status).includes('cannot be written');
    });
  });

  it.each(['ClusterIP', 'NodePort', 'LoadBalancer', 'ClusterIP', 'LoadBalancer', 'NodePort'])(
    'turns a Service into one of type %s',
    async (type) => {
      await eyes.apply(relayFleet('turned', { replicas: 1, service: { type } }));
      const isSo = (seen: { spec?: Readonly<Record<string, unknown>> } | undefined) => seen?.spec?.['type'] === type;
      await eyes.until('service', 'turned-relay', `is a ${type}`, isSo);
      const fleet = await eyes.get('relayfleet', 'turned');
      expect(JSON.stringify(fleet?.status)).not.toContain('cannot be written');
    },
  );
});
