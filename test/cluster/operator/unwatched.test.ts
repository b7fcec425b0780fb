/** Objects of kinds that are not watched are looked at from time to time, and no oftener. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { ObjectSet } from '../../../operator/reconcile/object-set.ts';
import { type FaultyProxy, faultyProxy } from '../../operator/kube/faulty-proxy.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { Eyes } from './seen.ts';

const FIVE_MINUTES = 300_000;

let plane: ControlPlane;
let proxy: FaultyProxy;
let kube: Kube;
beforeAll(async () => {
  plane = await startControlPlane();
  proxy = await faultyProxy(plane);
  kube = connect({ kubeconfig: proxy.kubeconfig });
  // In a fresh cluster it comes some seconds later, and pods and tokens wait for it.
  await until('the namespace is there', async () => (await plane.kubectl(['get', 'namespace', 'default'])).code === 0);
});
afterAll(async () => {
  await kube?.close();
  await proxy?.stop();
  await plane?.stop();
});

it('puts back what was removed, later, and asks for nothing meanwhile', async () => {
  const eyes = new Eyes(plane, 'default');
  const labels = { 'app.kubernetes.io/managed-by': 'isthmus' };
  const object = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'unseen', namespace: 'default', labels },
  };
  let now = Date.now();
  const setOf = () =>
    new ObjectSet({ api: kube, now: () => now, cacheOf: () => undefined, assertLeader: () => undefined });
  const set = setOf();
  const wanted = [{ object, retained: false }];
  expect(await set.apply(wanted)).toEqual([]);
  await eyes.remove('serviceaccount', 'unseen');
  const asked = proxy.asked.length;
  expect(await set.apply(wanted)).toEqual([]);
  expect(proxy.asked.length).toBe(asked);
  now += FIVE_MINUTES;
  expect(await set.apply(wanted)).toEqual([]);
  expect(await eyes.get('serviceaccount', 'unseen')).toBeDefined();
  // Another operator finds it as it should be: it asks once and writes nothing.
  const other = setOf();
  const before = proxy.asked.length;
  for (let look = 0; look < 3; look++) expect(await other.apply(wanted)).toEqual([]);
  expect(proxy.asked.slice(before).map(({ method }) => method)).toEqual(['GET']);
});

it('removes what is wanted no more, leaves what others made, and asks for nothing meanwhile', async () => {
  const eyes = new Eyes(plane, 'default');
  const type = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' };
  const named = (name: string, labels: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, labels },
  });
  await eyes.apply(named('ours', { 'app.kubernetes.io/managed-by': 'isthmus' }), named('theirs', {}));
  let now = Date.now();
  const set = new ObjectSet({ api: kube, now: () => now, cacheOf: () => undefined, assertLeader: () => undefined });
  const remove = async () => {
    for (const name of ['ours', 'theirs', 'never-made']) {
      expect(await set.removeUnwatched(type, 'default', name)).toEqual([]);
    }
  };
  await remove();
  expect(await eyes.get('serviceaccount', 'ours')).toBeUndefined();
  expect(await eyes.get('serviceaccount', 'theirs')).toBeDefined();
  await eyes.apply(named('ours', { 'app.kubernetes.io/managed-by': 'isthmus' }));
  const asked = proxy.asked.length;
  await remove();
  expect(proxy.asked.length).toBe(asked);
  now += FIVE_MINUTES;
  await remove();
  expect(await eyes.get('serviceaccount', 'ours')).toBeUndefined();
});
