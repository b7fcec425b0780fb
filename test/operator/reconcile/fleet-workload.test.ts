/** When a Deployment has come to be what it should: only then is the next fleet given a new image. */

import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { WORKLOAD_TYPES } from '../../../operator/manifests/object-set.ts';
import { FleetWorkload } from '../../../operator/reconcile/fleet-workload.ts';
import { ObjectCache } from '../../../operator/reconcile/object-cache.ts';
import type { Surroundings } from '../../../operator/reconcile/surroundings.ts';

function isRolledOut(status: object | undefined): boolean {
  const cache = new ObjectCache(WORKLOAD_TYPES.Deployment);
  const metadata = { namespace: 'mail', name: 'default-relay', generation: 2 };
  const live: KubeObject = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, status };
  if (status !== undefined) cache.take(live, false);
  const around = { world: { workload: () => cache } } as unknown as Surroundings;
  return new FleetWorkload(around).isRolledOut({ namespace: 'mail', name: 'default', uid: 'uid' });
}

describe('a Deployment is rolled out', () => {
  it.each([
    ['when every pod is of its newest template', { observedGeneration: 2, replicas: 3, updatedReplicas: 3 }, true],
    ['when it has no pods', { observedGeneration: 2 }, true],
    ['when there is none', undefined, true],
    ['but not before its controller has seen it', { observedGeneration: 1, replicas: 3, updatedReplicas: 3 }, false],
    ['but not while pods of an earlier one run', { observedGeneration: 2, replicas: 4, updatedReplicas: 1 }, false],
  ])('%s', (_, status, expected) => {
    expect(isRolledOut(status)).toBe(expected);
  });
});
