/** What a watch tells its owner, and what it asks for, against a real API server. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { until } from '../../cluster/daemon.ts';
import { start } from '../../support/child-process.ts';
import { type FaultyProxy, faultyProxy } from './faulty-proxy.ts';
import { CONFIG_MAP, configMap, follow, makeNamespace, SECRET, untilSame, value } from './following.ts';

const CARELESS_OWNER = join(import.meta.dirname, 'careless-owner.ts');

let cluster: ControlPlane;
let proxy: FaultyProxy;
/** Past the proxy: what really is. */
let direct: Kube;
let kube: Kube;

const QUICK = { firstMs: 20, longestMs: 200, forgetAfterMs: 10_000 };

beforeAll(async () => {
  cluster = await startControlPlane();
  proxy = await faultyProxy(cluster);
  direct = connect({ kubeconfig: cluster.kubeconfig });
  kube = connect({ kubeconfig: proxy.kubeconfig, watchTiming: { backoff: QUICK } });
}, 120_000);

afterAll(async () => {
  await Promise.all([kube.close(), direct.close()]);
  await proxy.stop();
  await cluster.stop();
});

describe('a list', () => {
  let namespace: string;
  const COUNT = 2000;

  beforeAll(async () => {
    namespace = await makeNamespace(direct, 'many');
    const names = Array.from({ length: COUNT }, (_, index) => `entry-${index}`);
    await Promise.all(names.map(async (name) => value(await direct.create(CONFIG_MAP, configMap(namespace, name)))));
    // The controller manager puts one of its own into every namespace, when it gets to it.
    const own = async () => (await direct.get(CONFIG_MAP, namespace, 'kube-root-ca.crt')).ok;
    await until('the namespace has what each has', own);
  }, 120_000);

  const pagesOf = (from: number) =>
    proxy.asked.slice(from).filter(({ path, query }) => path.includes(`/${namespace}/`) && !query.has('watch'));

  test.each([
    { what: 'objects', metadataOnly: false, limit: 100 },
    { what: "objects' metadata", metadataOnly: true, limit: 500 },
  ])('of 2,000 $what comes in pages of $limit, and each is told once', async ({ metadataOnly, limit }) => {
    const before = proxy.asked.length;
    const following = follow(kube, { type: CONFIG_MAP, namespace, metadataOnly });
    await following.watch.synced;
    expect(following.told.length).toBe(COUNT + 1);
    expect(new Set(following.told).size).toBe(COUNT + 1);
    const pages = pagesOf(before).map(({ query }) => [query.get('limit'), query.has('continue')]);
    const expected = Array.from({ length: Math.ceil((COUNT + 1) / limit) }, (_, page) => [String(limit), page > 0]);
    expect(pages).toEqual(expected);
    following.watch.stop();
    await following.watch.ended;
  });

  test('whose position the server has forgotten begins again, in one piece', async () => {
    const before = proxy.asked.length;
    proxy.next([{ status: 410, reason: 'Expired' }], ({ query }) => query.has('continue'));
    const following = follow(kube, { type: CONFIG_MAP, namespace });
    await following.watch.synced;
    expect(new Set(following.told).size).toBe(COUNT + 1);
    expect(following.told.length).toBe(COUNT + 1);
    expect(pagesOf(before).map(({ query }) => query.get('limit'))).toEqual(['100', '100', '0']);
    expect(following.troubles).toEqual([]);
    following.watch.stop();
    await following.watch.ended;
  });
});

test('of a Secret whose metadata is asked for no content ever comes', async () => {
  const namespace = await makeNamespace(direct, 'metadata-only');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name: 'listed' },
    stringData: { key: 'x' },
  };
  value(await direct.create(SECRET, secret));
  const following = follow(kube, { type: SECRET, namespace, metadataOnly: true });
  await following.watch.synced;
  value(await direct.create(SECRET, { ...secret, metadata: { namespace, name: 'watched' } }));
  await until('both are told', () => following.objects.length === 2);
  for (const object of following.objects) {
    expect(Object.keys(object).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace } });
  }
  following.watch.stop();
});

test('selectors choose what is told, also when an object stops matching', async () => {
  const namespace = await makeNamespace(direct, 'selected');
  const labelled = (name: string, fleet: string) => {
    const { metadata, ...rest } = configMap(namespace, name);
    return { ...rest, metadata: { ...metadata, labels: { fleet } } };
  };
  value(await direct.create(CONFIG_MAP, labelled('a', 'one')));
  value(await direct.create(CONFIG_MAP, labelled('b', 'two')));
  const following = follow(kube, {
    type: CONFIG_MAP,
    namespace,
    labelSelector: 'fleet=one',
    fieldSelector: 'metadata.name!=kube-root-ca.crt',
  });
  await following.watch.synced;
  value(await direct.merge(CONFIG_MAP, namespace, 'a', { metadata: { labels: { fleet: 'two' } } }));
  value(await direct.merge(CONFIG_MAP, namespace, 'b', { metadata: { labels: { fleet: 'one' } } }));
  await until('both changes are told', () => following.told.length === 3);
  expect(following.told).toEqual(['+a', '-a', '+b']);
  following.watch.stop();
});

test('a kind that the cluster does not know is said to be missing, and is followed when it comes', async () => {
  const type = { apiVersion: 'example.org/v1', kind: 'Late', plural: 'lates' };
  const following = follow(kube, { type, namespace: 'default' });
  await until('it is told', () => following.troubles.length > 0);
  expect(following.troubles[0]).toMatchObject({ status: 404, reason: 'NotFound' });
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'lates.example.org' },
    spec: {
      group: 'example.org',
      scope: 'Namespaced',
      names: { plural: 'lates', kind: 'Late' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
  await cluster.apply(JSON.stringify(crd));
  await following.watch.synced;
  value(
    await direct.create(type, {
      apiVersion: type.apiVersion,
      kind: 'Late',
      metadata: { namespace: 'default', name: 'x' },
    }),
  );
  await untilSame(direct, type, 'default', following);
  expect(following.told).toEqual(['+x']);
  following.watch.stop();
});

test('what may not be read is said to be forbidden, and is followed when it may', async () => {
  const namespace = await makeNamespace(direct, 'forbidden');
  await cluster.kubectlOrThrow(['create', 'serviceaccount', 'reader', '-n', namespace]);
  const reader = connect({ kubeconfig: await cluster.tokenFor(namespace, 'reader'), watchTiming: { backoff: QUICK } });
  expect(reader.ownNamespace).toBe(namespace);
  const following = follow(reader, { type: CONFIG_MAP, namespace });
  await until('it is told', () => following.troubles.length > 0);
  expect(following.troubles[0]).toMatchObject({ status: 403, reason: 'Forbidden' });
  const role = ['create', 'role', 'reader', '-n', namespace, '--verb=list,watch', '--resource=configmaps'];
  await cluster.kubectlOrThrow(role);
  const account = `--serviceaccount=${namespace}:reader`;
  await cluster.kubectlOrThrow(['create', 'rolebinding', 'reader', '-n', namespace, '--role=reader', account]);
  await following.watch.synced;
  await untilSame(direct, CONFIG_MAP, namespace, following);
  expect(following.watch.isSynced()).toBe(true);
  following.watch.stop();
  await reader.close();
});

test('what onChange throws reaches the owner, in the first list and later', async () => {
  const namespace = await makeNamespace(direct, 'thrown');
  const broken = new Error('the owner is broken');
  const at = (bad: string) =>
    kube.watch({
      type: CONFIG_MAP,
      namespace,
      onChange({ metadata }) {
        if (metadata.name === bad) throw broken;
      },
    });
  value(await direct.create(CONFIG_MAP, configMap(namespace, 'listed')));
  const first = at('listed');
  await expect(first.synced).rejects.toBe(broken);
  await expect(first.ended).rejects.toBe(broken);
  const later = at('watched');
  await later.synced;
  const ended = later.ended.catch((error: unknown) => error);
  value(await direct.create(CONFIG_MAP, configMap(namespace, 'watched')));
  expect(await ended).toBe(broken);
});

test('what onChange throws ends the process of an owner who does not look', async () => {
  const namespace = await makeNamespace(direct, 'careless');
  const owner = start(process.execPath, [CARELESS_OWNER, cluster.kubeconfig, namespace]);
  await owner.waitForOutput(/follows/);
  value(await direct.create(CONFIG_MAP, configMap(namespace, 'unexpected')));
  expect(await owner.exited).toBe(1);
  expect(owner.output()).toContain('nobody expected unexpected');
});

test('after stop nothing is told', async () => {
  const namespace = await makeNamespace(direct, 'stopped');
  const following = follow(kube, { type: CONFIG_MAP, namespace });
  await following.watch.synced;
  const count = following.told.length;
  following.watch.stop();
  await following.watch.ended;
  value(await direct.create(CONFIG_MAP, configMap(namespace, 'unseen')));
  const another = follow(kube, { type: CONFIG_MAP, namespace });
  await untilSame(direct, CONFIG_MAP, namespace, another);
  expect(following.told).toHaveLength(count);
  another.watch.stop();
});
