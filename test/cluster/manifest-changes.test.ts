/** A fleet whose spec changes has the objects that a new fleet with that spec would have: nothing of the old one stays. */

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject } from '../../operator/kube/api.ts';
import { fleetObjects } from '../../operator/manifests/object-set.ts';
import { manifestInput } from '../operator/manifests/case.ts';
import { fleetSpecs } from '../operator/manifests/fleet-specs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { install } from './operator/installation.ts';
import { Eyes, relayFleet, type Seen } from './operator/seen.ts';

type Spec = Readonly<Record<string, unknown>>;
type Service = { readonly loadBalancerClass?: string; readonly ipFamilies?: readonly string[] };
type Mapping = Record<string, unknown>;

const PAIRS = 60;
/** What is looked at is what we write, not what becomes of it. */
const CONTROLLERS = '*,-deployment-controller,-replicaset-controller,-horizontal-pod-autoscaler-controller';
const KINDS = 'serviceaccount,service,deployment,poddisruptionbudget,networkpolicy,horizontalpodautoscaler';

let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await startControlPlane({
    apiServer: ['--service-cluster-ip-range', '10.99.0.0/16,fd99::/108'],
    controllerManager: ['--controllers', CONTROLLERS],
  });
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mail' } }));
}, 600_000);

afterAll(() => cluster?.stop());

/**
 * RelayFleet's own schema refuses another class. Kubernetes refuses another first family: IPv4 is the first of a Service
 * that names none.
 */
function asOneFleet(before: Spec, after: Spec): [Spec, Spec] {
  const [from, to] = [before, after].map(({ service = {} }) => service as Service);
  const kept = [
    ...(from?.loadBalancerClass === to?.loadBalancerClass ? [] : ['loadBalancerClass']),
    ...((from?.ipFamilies?.[0] ?? 'IPv4') === (to?.ipFamilies?.[0] ?? 'IPv4') ? [] : ['ipFamilies']),
  ];
  const without = (spec: Spec): Spec => {
    if (spec['service'] === undefined) return spec;
    const service = Object.entries(spec['service'] as Spec).filter(([field]) => !kept.includes(field));
    return { ...spec, service: Object.fromEntries(service) };
  };
  return [without(before), without(after)];
}

function objectsOf(name: string, spec: Spec, serviceFamilies: readonly string[] = []): KubeObject[] {
  const input = manifestInput({ spec, replicas: 2 });
  const objects = fleetObjects({ ...input, fleet: { ...input.fleet, name }, serviceFamilies });
  return objects.map(({ object }) => {
    const { ownerReferences: _owner, ...metadata } = object.metadata;
    return { ...object, metadata };
  });
}

/** As the operator applies them: one after the other, by the same manager, whoever holds a field. */
async function apply(objects: readonly KubeObject[]): Promise<void> {
  const args = ['apply', '--server-side', '--force-conflicts', '--field-manager', 'isthmus', '-f', '-'];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { stderr } = await cluster.kubectl(args, { input });
  expect(stderr).toBe('');
}

/** What is stored, without what is given to each object anew: addresses, ports, times. */
function settled(object: KubeObject): object {
  const { status: _status, metadata, ...rest } = object;
  const spec = { ...(rest['spec'] as Mapping | undefined) };
  for (const field of ['clusterIP', 'clusterIPs', 'healthCheckNodePort']) delete spec[field];
  if (object.kind === 'Service') {
    spec['ports'] = (spec['ports'] as Mapping[]).map(({ nodePort: _port, ...port }) => port);
  }
  const { 'deployment.kubernetes.io/revision': _revision, ...annotations } = metadata.annotations ?? {};
  return { ...rest, spec, metadata: { labels: metadata.labels, annotations } };
}

async function stored(): Promise<Map<string, KubeObject>> {
  const listed = await cluster.kubectlOrThrow(['get', KINDS, '-n', 'mail', '-l', 'isthmus.dev/fleet', '-o', 'json']);
  const { items } = JSON.parse(listed) as { items: KubeObject[] };
  return new Map(items.map((object) => [`${object.kind} ${object.metadata.name}`, object]));
}

const called = (name: string, object: object) => JSON.parse(JSON.stringify(object).replaceAll(name, 'NAME')) as object;

test('whatever it was before', async () => {
  const pairs = fc
    .sample(fc.tuple(fleetSpecs, fleetSpecs), { numRuns: PAIRS, seed: 11 })
    .map(([before, after]) => asOneFleet(before, after));
  const changed = (index: number) => `changed-${index}-fleet`;
  const fresh = (index: number) => `fresh-${index}-fleet`;
  await apply(pairs.flatMap(([before], index) => objectsOf(changed(index), before)));
  const services = await stored();
  const families = (index: number) => {
    const service = services.get(`Service ${changed(index)}-relay`);
    return (service?.['spec'] as Service | undefined)?.ipFamilies ?? [];
  };
  expect(families(0)).not.toEqual([]);
  await apply(pairs.flatMap(([, after], index) => objectsOf(changed(index), after, families(index))));
  await apply(pairs.flatMap(([, after], index) => objectsOf(fresh(index), after)));
  const objects = await stored();
  const found = (name: string, kind: string) => {
    const object = objects.get(`${kind} ${name}-relay`);
    return object && called(name, settled(object));
  };
  for (const [index, [, after]] of pairs.entries()) {
    const kinds = objectsOf(fresh(index), after).map(({ kind }) => kind);
    expect(kinds.length).toBeGreaterThan(4);
    for (const kind of kinds) {
      expect(found(fresh(index), kind)).toBeDefined();
      expect(found(changed(index), kind), JSON.stringify(pairs[index])).toEqual(found(fresh(index), kind));
    }
  }
}, 300_000);

test('the operator changes a Service to which the API server has given a second family', async () => {
  const installation = await install(cluster, { namespace: 'live' });
  const eyes = new Eyes(cluster, 'live');
  const service = { ipFamilies: ['IPv4'], ipFamilyPolicy: 'PreferDualStack' };
  try {
    const operator = await installation.startOperator('operator');
    eyes.log = () => operator.daemon.log();
    await eyes.apply(relayFleet('default', { service }));
    const families = (seen: Seen | undefined) => (seen?.['spec'] as Service | undefined)?.ipFamilies;
    await eyes.until('service', 'default-relay', 'has both', (seen) => families(seen)?.join() === 'IPv4,IPv6');
    await eyes.apply(relayFleet('default', { service: { ...service, annotations: { changed: 'now' } } }));
    const after = await eyes.until('service', 'default-relay', 'is changed', (seen) => {
      return seen?.metadata.annotations?.['changed'] === 'now';
    });
    expect(families(after)).toEqual(['IPv4', 'IPv6']);
    await eyes.apply(relayFleet('default', { service: { ...service, ipFamilyPolicy: 'SingleStack' } }));
    await eyes.until('service', 'default-relay', 'has one', (seen) => families(seen)?.join() === 'IPv4');
  } finally {
    await installation.stop();
  }
}, 120_000);
