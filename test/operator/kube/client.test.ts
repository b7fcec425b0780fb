/** Calls to a real API server: what they answer and what they cost. */

import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api, KubeObject } from '../../../operator/kube/api.ts';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { kubeMetrics } from '../../../operator/kube/metrics.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { until } from '../../cluster/daemon.ts';
import { type FaultyProxy, faultyProxy } from './faulty-proxy.ts';
import { CONFIG_MAP, configMap, makeNamespace, NAMESPACE, value } from './following.ts';

let cluster: ControlPlane;
let proxy: FaultyProxy;
let kube: Kube;
const registry = new Registry();

beforeAll(async () => {
  cluster = await startControlPlane();
  proxy = await faultyProxy(cluster);
  kube = connect({ kubeconfig: proxy.kubeconfig, userAgent: 'isthmus-test', metrics: kubeMetrics(registry) });
  await makeNamespace(kube, 'mail');
}, 120_000);

afterAll(async () => {
  await kube.close();
  await proxy.stop();
  await cluster.stop();
});

const calls = (from: number) => proxy.asked.slice(from).map(({ method, path }) => `${method} ${path}`);

describe('answers', () => {
  test('an object as the server has it, dates as text', async () => {
    value(await kube.create(CONFIG_MAP, configMap('mail', 'plain', 'x')));
    const read = value(await kube.get(CONFIG_MAP, 'mail', 'plain'));
    expect(read).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { text: 'x' } });
    expect(read.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(read.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['isthmus']);
  });

  test('what is not there as NotFound, what is there already as AlreadyExists', async () => {
    expect(await kube.get(CONFIG_MAP, 'mail', 'nobody')).toMatchObject({ ok: false, status: 404, reason: 'NotFound' });
    value(await kube.create(CONFIG_MAP, configMap('mail', 'twice')));
    const again = await kube.create(CONFIG_MAP, configMap('mail', 'twice'));
    expect(again).toMatchObject({ ok: false, status: 409, reason: 'AlreadyExists' });
  });

  test('what is no JSON with words that repeat nothing of it', async () => {
    const garbled = { lines: 'hunter2, the password' };
    proxy.next([garbled, garbled], ({ path }) => path.endsWith('/configmaps/garbled'));
    const answer = await kube.get(CONFIG_MAP, 'mail', 'garbled');
    expect(answer).toMatchObject({ ok: false, status: undefined, reason: 'NoAnswer' });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  test("an update over somebody else's with a conflict, and changes nothing", async () => {
    const read = value(await kube.create(CONFIG_MAP, configMap('mail', 'contested', 'first')));
    value(await kube.merge(CONFIG_MAP, 'mail', 'contested', { data: { text: 'theirs' } }));
    const late = await kube.update(CONFIG_MAP, { ...read, data: { text: 'ours' } });
    expect(late).toMatchObject({ ok: false, status: 409, reason: 'Conflict' });
    expect(value(await kube.get(CONFIG_MAP, 'mail', 'contested'))).toMatchObject({ data: { text: 'theirs' } });
  });

  test('a merge that removes what is null', async () => {
    value(await kube.create(CONFIG_MAP, { ...configMap('mail', 'merged'), data: { a: '1', b: '2' } }));
    const merged = value(await kube.merge(CONFIG_MAP, 'mail', 'merged', { data: { a: null, c: '3' } }));
    expect(merged['data']).toEqual({ b: '2', c: '3' });
  });

  test('a field that others hold with their names and the field, and takes it when told to', async () => {
    const object = (text: string): KubeObject => ({ ...configMap('mail', 'held'), data: { text, more: text } });
    value(await kube.apply(CONFIG_MAP, object('theirs'), { manager: 'argocd', force: false }));
    const refused = await kube.apply(CONFIG_MAP, object('ours'), { manager: 'isthmus', force: false });
    expect(refused).toMatchObject({ ok: false, status: 409, reason: 'Conflict' });
    expect(refused.ok ? '' : refused.message).toBe('ConfigMap mail/held: .data.more, .data.text are held by "argocd"');
    const taken = value(await kube.apply(CONFIG_MAP, object('ours'), { manager: 'isthmus', force: true }));
    const again = value(await kube.apply(CONFIG_MAP, object('ours'), { manager: 'isthmus', force: false }));
    expect(again.metadata.resourceVersion).toBe(taken.metadata.resourceVersion);
  });

  test("an invalid object with the server's words", async () => {
    const invalid = await kube.create(CONFIG_MAP, { ...configMap('mail', 'bad'), data: { 'a/b': 'x' } });
    expect(invalid).toMatchObject({ ok: false, status: 422, reason: 'Invalid' });
    expect(invalid.ok ? '' : invalid.message).toContain('data[a/b]');
  });

  test('only the very object that is meant is removed', async () => {
    const { uid = '' } = value(await kube.create(CONFIG_MAP, configMap('mail', 'removed'))).metadata;
    const wrong = await kube.remove(CONFIG_MAP, 'mail', 'removed', { uid: 'of-another' });
    expect(wrong).toMatchObject({ ok: false, status: 409 });
    expect(await kube.remove(CONFIG_MAP, 'mail', 'removed', { uid })).toEqual({ ok: true, value: undefined });
    expect(await kube.get(CONFIG_MAP, 'mail', 'removed')).toMatchObject({ status: 404 });
  });

  test('status alone is written through its own door', async () => {
    const before = value(await kube.get(NAMESPACE, undefined, 'mail'));
    const condition = {
      type: 'Tested',
      status: 'True',
      reason: 'Yes',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const object = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'mail' },
      status: { conditions: [condition] },
    };
    const written = value(await kube.applyStatus(NAMESPACE, object, { manager: 'isthmus', force: true }));
    expect(written['status']).toMatchObject({ conditions: [{ type: 'Tested' }] });
    expect(written['spec']).toEqual(before['spec']);
    expect(written.metadata.managedFields?.find(({ subresource }) => subresource === 'status')?.manager).toBe(
      'isthmus',
    );
  });

  test('which kinds a group has; none when the cluster does not know it', async () => {
    expect(value(await kube.discover('apps/v1'))).toContain('deployments');
    expect(value(await kube.discover('v1'))).toContain('configmaps');
    expect(value(await kube.discover('v1')).filter((name) => name.includes('/'))).toEqual([]);
    expect(await kube.discover('monitoring.coreos.com/v1')).toEqual({ ok: true, value: [] });
  });

  test('lists of several pages as one, with the kind that the server leaves out of items', async () => {
    await makeNamespace(kube, 'list');
    const names = Array.from({ length: 501 }, (_, index) => `entry-${index}`);
    const labelled = (name: string): KubeObject => ({
      ...configMap('list', name),
      metadata: { namespace: 'list', name, labels: { fleet: 'one' } },
    });
    await Promise.all(names.map(async (name) => value(await kube.create(CONFIG_MAP, labelled(name)))));
    const listed = value(await kube.list(CONFIG_MAP, 'list', { labelSelector: 'fleet=one' }));
    expect(listed.map(({ metadata }) => metadata.name).sort()).toEqual(names.sort());
    expect(listed[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    const everywhere = value(await kube.list(CONFIG_MAP, undefined));
    expect(new Set(everywhere.map(({ metadata }) => metadata.namespace)).size).toBeGreaterThan(2);
  });
});

describe('costs', () => {
  test('200 calls at once ten connections, 200 one after the other a single one', async () => {
    const busy = connect({ kubeconfig: proxy.kubeconfig });
    const get = (api: Api) => api.get(NAMESPACE, undefined, 'mail');
    const before = proxy.connections();
    const answers = await Promise.all(Array.from({ length: 200 }, () => get(busy)));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(proxy.connections() - before).toBeLessThanOrEqual(10);
    await busy.close();

    const calm = connect({ kubeconfig: proxy.kubeconfig });
    const now = proxy.connections();
    for (let call = 0; call < 200; call++) value(await get(calm));
    expect(proxy.connections() - now).toBe(1);
    await calm.close();
  });

  test('a call that must not wait goes past those that do', async () => {
    const goOn = proxy.hold();
    const held = proxy.asked.length + 10;
    const slow = Array.from({ length: 30 }, () => kube.get(NAMESPACE, undefined, 'mail'));
    await until('ten are on their way', () => proxy.asked.length === held);
    const before = proxy.asked.length;
    const urgent = kube.direct(10_000).get(CONFIG_MAP, 'mail', 'urgent');
    await until('it is the next', () => proxy.asked.length > before);
    expect(calls(before)[0]).toBe('GET /api/v1/namespaces/mail/configmaps/urgent');
    goOn();
    expect(await urgent).toMatchObject({ status: 404 });
    expect((await Promise.all(slow)).every(({ ok }) => ok)).toBe(true);
  });

  test('are counted by code, method and host', async () => {
    const text = await registry.metrics();
    const host = new URL(proxy.server).host;
    expect(text).toMatch(new RegExp(`rest_client_requests_total{code="404",method="GET",host="${host}"} [1-9]`));
    expect(text).toMatch(new RegExp(`rest_client_requests_total{code="409",method="PATCH",host="${host}"} [1-9]`));
    expect(text).toMatch(new RegExp(`rest_client_request_duration_seconds_count{verb="POST",host="${host}"} [1-9]`));
  });
});
