import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configSlot } from '../../operator/manifests/config-slot.ts';
import type { ManifestInput } from '../../operator/manifests/input.ts';
import { manifestConfigMap } from '../../operator/manifests/manifest-config-map.ts';
import { fleetObjects } from '../../operator/manifests/object-set.ts';
import { ownCertificateSecret } from '../../operator/manifests/own-certificate-secret.ts';
import { ownSigningKeySecret } from '../../operator/manifests/own-signing-key-secret.ts';
import { secretSlot } from '../../operator/manifests/secret-slot.ts';
import { manifestCases, manifestInput } from '../operator/manifests/case.ts';
import { fleetSpecs } from '../operator/manifests/fleet-specs.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

let cluster: ControlPlane;

beforeAll(async () => {
  // Of both families, as a fleet may ask for each.
  cluster = await startControlPlane({ apiServer: ['--service-cluster-ip-range', '10.99.0.0/16,fd99::/108'] });
  const labels = {
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  };
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mail', labels } }));
}, 600_000);

afterAll(() => cluster?.stop());

/** The kind is the cluster's only when Prometheus' operator is installed there. */
const objectsOf = (input: ManifestInput): object[] =>
  fleetObjects({ ...input, serviceMonitors: false }).map(({ object }) => object);

const asList = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

const base64Of = (file: string): string => readFileSync(file).toString('base64');

const APPLY = ['apply', '--server-side', '--field-manager', 'isthmus', '--validate=strict', '-f', '-'];

/** Nothing that is written of an object is left out, and nobody warns: Pod Security would. */
async function refusals(objects: readonly object[], ...args: readonly string[]): Promise<string> {
  const { code, stderr } = await cluster.kubectl([...APPLY, ...args], { input: asList(objects) });
  return code === 0 ? stderr : `${code}: ${stderr}`;
}

describe('the API server takes', () => {
  test.each(manifestCases().map(({ input }) => input))('a fleet: $about', async (input) => {
    expect(await refusals(objectsOf(manifestInput(input)), '--dry-run=server')).toBe('');
  });

  test('the objects of fleets at random', async () => {
    const specs = fc.sample(fleetSpecs, { numRuns: 40, seed: 7 });
    const objects = specs.flatMap((spec, index) => {
      const input = manifestInput({ spec });
      return objectsOf({ ...input, fleet: { ...input.fleet, name: `fleet-${index}` } });
    });
    expect(objects.length).toBeGreaterThan(200);
    expect(await refusals(objects, '--dry-run=server')).toBe('');
  });

  test('slots, manifest and keys', async () => {
    const fleet = { namespace: 'mail', name: 'default', uid: 'u1' };
    const { certificateFile, keyFile } = await cluster.authority.issue('relay', '/CN=relay', ['relay.shared.example']);
    const objects = [
      configSlot(fleet, '00', { ['0'.repeat(64)]: 'AAEC' }),
      secretSlot(fleet, 's00', { ['1'.repeat(64)]: 'AAEC' }),
      manifestConfigMap(fleet, { format: 1, revisions: [], memory: [] }, undefined),
      ownCertificateSecret(fleet, base64Of(certificateFile), base64Of(keyFile)),
      ownSigningKeySecret(fleet, 'a2V5'),
    ];
    expect(await refusals(objects, '--dry-run=server')).toBe('');
  });
});

test('what is applied again is not written again', async () => {
  // Retained, so that no owner is asked for which this cluster does not have.
  const objects = objectsOf(manifestInput({ spec: { autoscaling: { maxReplicas: 5 } }, replicas: 2 })).map((object) => {
    const { metadata, ...rest } = object as { metadata: Record<string, unknown> };
    const { ownerReferences: _owner, ...kept } = metadata;
    return { ...rest, metadata: kept };
  });
  const versions = async () => {
    const kinds = 'serviceaccount,service,deployment,poddisruptionbudget,networkpolicy,horizontalpodautoscaler';
    const path = 'jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.generation}{"\\n"}{end}';
    const listed = await cluster.kubectlOrThrow(['get', kinds, '-n', 'mail', '-l', 'isthmus.dev/fleet', '-o', path]);
    return listed.trim().split('\n');
  };
  expect(await refusals(objects)).toBe('');
  const before = await versions();
  expect(before.length).toBe(objects.length);
  expect(await refusals(objects)).toBe('');
  expect(await versions()).toEqual(before);
});
