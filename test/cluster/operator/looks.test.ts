/** What one look at a fleet does when the cluster is not as it was left, refuses a write, or changes in the middle of it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asked } from '../../operator/kube/faulty-proxy.ts';
import { until } from '../daemon.ts';
import { secret } from './seen.ts';
import { stored } from './stored.ts';
import { isWrite, type Workbench, workbench } from './workbench.ts';

const IMAGE = 'relay.example/relay:1';

describe('a look at a fleet', () => {
  let bench: Workbench;

  const writesSince = (from: number) => bench.proxy.asked.slice(from).filter(isWrite);
  const refuse = (only: (asked: Asked) => boolean, status = 403) =>
    bench.proxy.next(
      Array.from({ length: 1000 }, () => ({ status, reason: 'Forbidden' })),
      only,
    );
  /** A fleet of that name with what became of tenant `t0` stored. */
  const published = async (name: string, spec: object = {}) => {
    const { fleet, resource } = await bench.fleet(name, spec);
    const compiled = await bench.compiled(name, 't0');
    fleet.take(compiled);
    const look = () => fleet.look(resource, IMAGE);
    await look();
    expect((await stored(bench.eyes, name))?.manifest.revisions[0]?.revision).toBe(compiled.revision);
    return { fleet, resource, compiled, look };
  };

  beforeAll(async () => {
    bench = await workbench();
  });
  afterAll(async () => {
    await bench?.stop();
  });

  it('publishes nothing that was held back, though a better compilation comes meanwhile', async () => {
    const { fleet, resource } = await bench.fleet('overtaken');
    const early = await bench.compiled('overtaken', 't1');
    fleet.take({ ...early, unknown: ['Secret x cannot be read.'] });
    const release = bench.proxy.hold();
    const looking = fleet.look(resource, IMAGE);
    fleet.take(await bench.compiled('overtaken', 't2'));
    release();
    await looking;
    expect(await stored(bench.eyes, 'overtaken')).toBeUndefined();
  });

  it('puts back a manifest that somebody has removed, as it was', async () => {
    const { look } = await published('robbed');
    const before = (await stored(bench.eyes, 'robbed'))?.manifest;
    await bench.eyes.remove('configmap', 'robbed-f1');
    await until('the watch has told', () => bench.world.configMaps.get('mail', 'robbed-f1') === undefined);
    await look();
    expect((await stored(bench.eyes, 'robbed'))?.manifest).toEqual(before);
  });

  it('publishes again over a manifest that somebody has spoilt', async () => {
    const { look, compiled } = await published('spoilt');
    const version = bench.world.configMaps.get('mail', 'spoilt-f1')?.metadata.resourceVersion;
    await bench.plane.kubectlOrThrow(
      ['patch', 'configmap', 'spoilt-f1', '--namespace', 'mail', '--type=merge', '--patch'].concat(
        JSON.stringify({ data: { 'manifest.json': '{}' } }),
      ),
    );
    await until(
      'the watch has told',
      () => bench.world.configMaps.get('mail', 'spoilt-f1')?.metadata.resourceVersion !== version,
    );
    await look();
    expect((await stored(bench.eyes, 'spoilt'))?.manifest.revisions).toMatchObject([
      { revision: compiled.revision, state: 'proven' },
    ]);
  });

  it('leaves a certificate alone that somebody else has put in the place of its own', async () => {
    const foreign = { 'tls.crt': 'not a certificate', 'tls.key': 'and no key' };
    await bench.eyes.apply({ ...secret('foreign-tls', foreign), type: 'kubernetes.io/tls' });
    const { fleet, resource } = await published('foreign');
    const left = await bench.eyes.get('secret', 'foreign-tls');
    expect(Buffer.from(left?.data?.['tls.key'] ?? '', 'base64').toString()).toBe('and no key');
    expect(fleet.workload(resource).troubles.join()).toContain('foreign-tls');
    expect(fleet.workload(resource).refused).toEqual([]);
  });

  it('goes on without the key of trace fields, and says what keeps it from being made', async () => {
    refuse((asked) => isWrite(asked) && asked.path.endsWith('/secrets'));
    const { fleet, resource } = await bench.fleet('keyless');
    bench.proxy.next([]);
    expect(fleet.workload(resource).troubles.join()).toContain('keyless-signing');
  });

  it('tries an object that is refused less often than it looks, at once when it is another, and says so', async () => {
    refuse(({ method, path }) => method === 'PATCH' && path.endsWith('/services/refused-relay'), 422);
    const { fleet, resource, look } = await published('refused');
    const tries = () =>
      bench.proxy.asked.filter(({ path }) => path.endsWith('/services/refused-relay')).filter(isWrite);
    const first = tries().length;
    const again = await look();
    expect(again).toMatchObject({ problem: undefined });
    expect(again.lookAgainMs).toBeLessThanOrEqual(10_000);
    expect(tries().length).toBe(first);
    expect(fleet.workload(resource).refused?.join()).toContain('Service refused-relay cannot be written');
    bench.now += 2000;
    await look();
    expect(tries().length).toBe(first + 1);
    await fleet.look(
      { ...resource, spec: { ...resource.spec, service: { ...resource.spec.service, port: 2525 } } },
      IMAGE,
    );
    expect(tries().length).toBe(first + 2);
    bench.proxy.next([]);
    bench.now += 120_000;
    await look();
    expect(fleet.workload(resource).refused).toEqual([]);
    expect((await bench.eyes.get('service', 'refused-relay'))?.spec).toBeDefined();
  });

  it('tells every pod though one of them cannot be told', async () => {
    const { look } = await published('pods', { replicas: 1 });
    for (const name of ['pods-a', 'pods-b']) await runningPod('pods', name);
    await until('the pods are seen', () => bench.world.pods.labelled('mail', 'isthmus.dev/fleet', 'pods').length >= 2);
    refuse(({ method, path }) => method === 'PATCH' && path.endsWith('/pods/pods-a'));
    expect((await look()).problem).toBeDefined();
    bench.proxy.next([]);
    expect((await bench.eyes.get('pod', 'pods-b'))?.metadata.annotations).toHaveProperty(['isthmus.dev/revision']);
  });

  it('writes nothing when it leads no longer, not even to mend', async () => {
    const { look } = await published('deposed');
    const slots = await bench.eyes.list('configmaps', '-l', 'isthmus.dev/fleet=deposed,isthmus.dev/purpose=config');
    for (const { metadata } of slots) await bench.eyes.remove('configmap', metadata.name);
    const isSeen = () =>
      slots.every(({ metadata: { name } }) => bench.world.configMaps.get('mail', name) === undefined);
    await until('the watch has told', isSeen);
    const from = bench.proxy.asked.length;
    bench.leads = () => false;
    await expect(look()).rejects.toThrow('leads no longer');
    expect(writesSince(from)).toEqual([]);
    bench.leads = () => true;
    await look();
    expect(await stored(bench.eyes, 'deposed')).toBeDefined();
  });

  it('knows what it proves though an earlier leader has published it', async () => {
    const { fleet, resource, look } = await published('inherited', { replicas: 1 });
    await runningPod('inherited', 'inherited-a');
    const pods = () => bench.world.pods.labelled('mail', 'isthmus.dev/fleet', 'inherited');
    await until('the pod is seen', () => pods()[0]?.status !== undefined);
    bench.answer = ({ annotatedRevision }) => ({ wanted: annotatedRevision, running: annotatedRevision });
    const candidate = await bench.compiled('inherited', 't8');
    fleet.take(candidate);
    const states = async () => (await stored(bench.eyes, 'inherited'))?.manifest.revisions.map(({ state }) => state);
    await until('the candidate is published', async () => {
      bench.now += 1000;
      await look();
      return (await states())?.includes('candidate') === true;
    });
    const { fleet: next } = await bench.again('inherited');
    const later = await bench.compiled('inherited', 't9');
    next.take(later);
    await until('it is proven', async () => {
      bench.now += 1000;
      await next.look(resource, IMAGE);
      return (await stored(bench.eyes, 'inherited'))?.manifest.revisions[0]?.revision === candidate.revision;
    });
    expect(next.facts()?.inRevision.get(candidate.revision)).toEqual(candidate.parts);
    bench.answer = () => undefined;
  });

  it.each(['is being deleted', 'is paused'])(
    'writes nothing for a fleet that %s, until it is so no more',
    async (why) => {
      const name = why.replaceAll(' ', '-');
      const { fleet, resource } = await bench.fleet(name);
      fleet.take(await bench.compiled(name, 't0'));
      const from = bench.proxy.asked.length;
      const { metadata, spec } = resource;
      const left =
        why === 'is paused'
          ? { ...resource, spec: { ...spec, paused: true } }
          : { ...resource, metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
      await fleet.prepare(left);
      await fleet.look(left, IMAGE);
      expect(writesSince(from)).toEqual([]);
      await fleet.look(resource, IMAGE);
      expect(await stored(bench.eyes, name)).toBeDefined();
    },
  );

  async function runningPod(fleet: string, name: string): Promise<void> {
    await bench.eyes.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { 'isthmus.dev/fleet': fleet } },
      spec: { containers: [{ name: 'relay', image: IMAGE }] },
    });
    const status = { podIP: '10.1.1.1', conditions: [{ type: 'Ready', status: 'True' }] };
    await bench.plane.kubectlOrThrow([
      ...['patch', 'pod', name, '--namespace', 'mail', '--subresource=status', '--type=merge', '--patch'],
      JSON.stringify({ status }),
    ]);
  }
});
