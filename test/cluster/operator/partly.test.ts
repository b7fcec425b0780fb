/** An operator that cannot read all that it should: what it cannot read is left as it is, and everything else goes on. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asked, type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { install, type Installation, type OperatorProcess } from './installation.ts';
import { Eyes, relayFleet, sharedDomain, tenantRoute } from './seen.ts';
import { stored } from './stored.ts';

/** So that the next one leads at once. */
const settings = { leaderElection: { leaseDurationSeconds: 5, renewDeadlineSeconds: 4, retryPeriodSeconds: 0.5 } };
const values = { watchNamespaces: ['mail', 'other'], defaultFleet: { create: false } };

describe('an operator of several namespaces and fleets', () => {
  let plane: ControlPlane;
  let proxy: FaultyProxy;
  let installation: Installation;
  let operator: OperatorProcess;
  let mail: Eyes;
  let other: Eyes;

  const apply = async (eyes: Eyes, fleet: string, accept: 'Accept' | 'Refuse') => {
    const domain = { domain: `${fleet}.example`, fleetRef: { name: fleet } };
    const route = tenantRoute(fleet, { sharedDomainRefs: [{ name: fleet }], domains: [`in-${fleet}.example`] });
    await eyes.apply(relayFleet(fleet, { replicas: 1 }), sharedDomain(fleet, domain), {
      ...route,
      spec: { ...route.spec, fromInternet: accept },
    });
  };
  const isStored = async (eyes: Eyes, fleet: string, accept: string) =>
    (await stored(eyes, fleet))?.config.tenantRoutes[0]?.fromInternet === accept;
  const untilStored = (eyes: Eyes, fleet: string, accept: string) =>
    until(`${fleet} in ${eyes.namespace} says ${accept}`, () => isStored(eyes, fleet, accept), {
      seconds: 60,
      detail: () => operator.daemon.log(),
    });
  const restart = async (name: string, through?: string) => {
    await operator.daemon.kill();
    operator = await installation.startOperator(name, through);
  };
  const isReady = async () => (await fetch(`${operator.health}/readyz`)).ok;

  beforeAll(async () => {
    plane = await startControlPlane();
    proxy = await faultyProxy(plane);
    await plane.kubectlOrThrow(['create', 'namespace', 'other']);
    installation = await install(plane, { namespace: 'mail', values, settings });
    operator = await installation.startOperator();
    [mail, other] = [new Eyes(plane, 'mail'), new Eyes(plane, 'other')];
    mail.log = () => operator.daemon.log();
    other.log = mail.log;
    for (const [eyes, fleet] of [
      [mail, 'one'],
      [mail, 'two'],
      [other, 'three'],
    ] as const) {
      await apply(eyes, fleet, 'Refuse');
      await untilStored(eyes, fleet, 'Refuse');
    }
  }, 180_000);
  afterAll(async () => {
    await installation?.stop();
    await proxy?.stop();
    await plane?.stop();
  });

  it('leaves a fleet as it is while what it ran before cannot be read', { timeout: 180_000 }, async () => {
    const isOfOne = ({ method, path }: Asked) => method === 'GET' && /\/configmaps\/one-f1/.test(path);

    proxy.next(
      Array.from({ length: 5000 }, (_, at) => ({ status: at % 2 === 0 ? 403 : 500 })),
      isOfOne,
    );
    const before = await mail.get('configmap', 'one-f1');
    await restart('through-a-proxy', proxy.kubeconfig);
    await apply(mail, 'one', 'Accept');
    await apply(mail, 'two', 'Accept');
    await apply(other, 'three', 'Accept');
    await untilStored(mail, 'two', 'Accept');
    await untilStored(other, 'three', 'Accept');
    const told = async () => JSON.stringify(await mail.list('events')).includes('ConfigurationUnreadable');
    await until('an event says so', told, { detail: mail.log });
    expect((await mail.get('configmap', 'one-f1'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    const isHeldBack = () => operator.metric('isthmus_operator_fleet_held_back', { fleet: 'one' });
    expect(await isHeldBack()).toBe(1);
    proxy.next([]);
    await untilStored(mail, 'one', 'Accept');
    await until('nothing is held back', async () => (await isHeldBack()) === 0, { detail: mail.log });
  });

  it('goes on in the namespaces that it may read, and names the other', { timeout: 240_000 }, async () => {
    const rights = await plane.kubectlOrThrow(['get', 'role,rolebinding', '-n', 'other', '-o', 'yaml']);
    await plane.kubectlOrThrow(['delete', 'role,rolebinding', '--all', '-n', 'other']);
    const before = await other.get('configmap', 'three-f1');
    await restart('without-rights');
    await apply(mail, 'two', 'Refuse');
    await apply(other, 'three', 'Refuse');
    await untilStored(mail, 'two', 'Refuse');
    expect(await isReady()).toBe(true);
    expect(await operator.metric('isthmus_operator_namespace_seen', { namespace: 'mail' })).toBe(1);
    expect(await operator.metric('isthmus_operator_namespace_seen', { namespace: 'other' })).toBe(0);
    const warnings = operator.logs().filter(({ namespace }) => namespace === 'other');
    expect(warnings).not.toEqual([]);
    expect(warnings.every(({ msg }) => String(msg).includes('nothing in this namespace'))).toBe(true);
    await until('an event names it', async () => {
      const events = (await mail.list('events')) as unknown as { reason: string; message: string }[];
      return events.some(({ reason, message }) => reason === 'NamespaceUnreadable' && message.includes('other'));
    });
    expect((await other.get('configmap', 'three-f1'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    await plane.kubectlOrThrow(['apply', '-f', '-'], { input: rights });
    await untilStored(other, 'three', 'Refuse');
    expect(await operator.metric('isthmus_operator_namespace_seen', { namespace: 'other' })).toBe(1);
  });

  it('goes on when a namespace is deleted, and takes it up again when it is back', { timeout: 240_000 }, async () => {
    const rights = await plane.kubectlOrThrow(['get', 'role,rolebinding', '-n', 'other', '-o', 'yaml']);
    await plane.kubectlOrThrow(['delete', 'namespace', 'other', '--wait=true']);
    await apply(mail, 'two', 'Accept');
    await untilStored(mail, 'two', 'Accept');
    await restart('without-a-namespace');
    await apply(mail, 'two', 'Refuse');
    await untilStored(mail, 'two', 'Refuse');
    expect(await isReady()).toBe(true);
    await plane.kubectlOrThrow(['create', 'namespace', 'other']);
    await plane.kubectlOrThrow(['apply', '-f', '-'], { input: rights });
    await apply(other, 'three', 'Accept');
    await untilStored(other, 'three', 'Accept');
    await apply(mail, 'one', 'Refuse');
    await untilStored(mail, 'one', 'Refuse');
  });
});
