import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import type { ManifestInput } from '../../../operator/manifests/input.ts';
import { objectLabels, retainedLabels, selectorLabels } from '../../../operator/manifests/names.ts';
import { fleetObjects, WORKLOAD_TYPES } from '../../../operator/manifests/object-set.ts';
import { manifestInput } from './case.ts';
import { fleetSpecs } from './fleet-specs.ts';
import { restrictedFaults } from './pod-security.ts';

type Labels = Record<string, string>;
interface Pods {
  readonly selector: { readonly matchLabels: Labels };
  readonly template: {
    readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
    readonly spec: object;
  };
}

const objectOf = (input: ManifestInput, kind: string): KubeObject | undefined =>
  fleetObjects(input).find(({ type }) => type.kind === kind)?.object;
const podsOf = (input: ManifestInput): Pods => objectOf(input, 'Deployment')?.['spec'] as Pods;

const inputs = fc
  .record({ spec: fleetSpecs, serviceMonitors: fc.boolean(), replicas: fc.constantFrom(null, 1, 3) })
  .map(manifestInput);

/** Paths at which there is undefined, which JSON has not. */
function holes(value: unknown, path: string): string[] {
  if (value === undefined) return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => holes(child, `${path}.${key}`));
}

describe('whatever a RelayFleet says,', () => {
  test('its objects are plain JSON', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const objects = fleetObjects(input).map(({ object }) => object);
        expect(objects.flatMap((object) => holes(object, object.kind))).toEqual([]);
        expect(JSON.parse(JSON.stringify(objects))).toEqual(objects);
      }),
    );
  });

  test('each selector finds the pods, and each object carries the labels that pruning looks for', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { selector, template } = podsOf(input);
        expect(template.metadata.labels).toMatchObject(selector.matchLabels);
        const service = objectOf(input, 'Service')?.['spec'] as { selector: Labels };
        const budget = objectOf(input, 'PodDisruptionBudget')?.['spec'] as Pods;
        const policy = objectOf(input, 'NetworkPolicy')?.['spec'] as { podSelector: Pods['selector'] };
        for (const labels of [service.selector, budget.selector.matchLabels, policy.podSelector.matchLabels]) {
          expect(labels).toEqual(selectorLabels('default'));
        }
        for (const { object } of fleetObjects(input)) {
          const isOwned = object.metadata.ownerReferences !== undefined;
          expect(object.metadata.labels).toEqual(
            expect.objectContaining((isOwned ? objectLabels : retainedLabels)('default', 'workload')),
          );
          // Argo CD that tracks by label prunes what has this one, no owner, and no place in Git.
          expect('app.kubernetes.io/instance' in (object.metadata.labels ?? {})).toBe(isOwned);
        }
      }),
    );
  });

  test('its pods keep to the restricted profile of Pod Security', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(restrictedFaults(podsOf(input).template.spec)).toEqual([]);
      }),
    );
  });

  test('pods of a tenant more or less are the same pods', () => {
    fc.assert(
      fc.property(inputs, fc.array(fc.integer({ min: 1, max: 65535 })), (input, nextHops) => {
        const changed = { ...input, compiled: { ...input.compiled, ports: { nextHops } } };
        expect(objectOf(changed, 'Deployment')).toEqual(objectOf(input, 'Deployment'));
      }),
    );
  });

  test('everything belongs to the fleet and goes with it, but for a Service that is to stay', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const stays = input.fleet.spec.service.deletionPolicy === 'Retain';
        for (const { type, object, retained } of fleetObjects(input)) {
          expect(retained).toBe(stays && type.kind === 'Service');
          const owners = object.metadata.ownerReferences?.map(({ uid, controller }) => ({ uid, controller }));
          expect(owners).toEqual(retained ? undefined : [{ uid: input.fleet.uid, controller: true }]);
        }
      }),
    );
  });

  test('each object is of the type it is applied as, and the types to prune cover all', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        for (const { type, object } of fleetObjects(input)) {
          expect({ apiVersion: object.apiVersion, kind: object.kind }).toEqual({
            apiVersion: type.apiVersion,
            kind: type.kind,
          });
          expect(Object.values(WORKLOAD_TYPES)).toContain(type);
        }
      }),
    );
  });
});

test("labels that would hide pods from their selectors give way to the operator's, whoever let them through", () => {
  const input = manifestInput({});
  const theirs = Object.fromEntries(Object.keys(objectLabels('x', 'y')).map((key) => [key, 'theirs']));
  const spec = { ...input.fleet.spec, podLabels: { ...theirs, team: 'post' } };
  const { labels } = podsOf({ ...input, fleet: { ...input.fleet, spec } }).template.metadata;
  expect(labels).toEqual({ ...objectLabels('default', 'workload'), team: 'post' });
});

test('the check of Pod Security finds what it is there to find', () => {
  const { spec } = podsOf(manifestInput({})).template;
  const [container] = (spec as { containers: Record<string, unknown>[] }).containers;
  const broken = {
    ...spec,
    hostNetwork: true,
    securityContext: {},
    containers: [{ ...container, securityContext: { privileged: true } }],
    volumes: [{ name: 'node', hostPath: { path: '/' } }],
  };
  expect(restrictedFaults(broken)).toEqual([
    'hostNetwork',
    'volume hostPath',
    'privileged',
    'allowPrivilegeEscalation',
    'capabilities are not dropped',
    'runAsNonRoot',
    'seccompProfile',
  ]);
});

test('a pod gets as long to end as its sessions may take: lame duck, unready, drain, the final dot, and a little', () => {
  const { template } = podsOf(manifestInput({ spec: { lameDuckSeconds: 5, drainSeconds: 7 } }));
  expect(template.spec).toMatchObject({ terminationGracePeriodSeconds: 5 + 8 + 7 + 600 + 15 });
});
