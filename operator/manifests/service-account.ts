/** The ServiceAccount of relay pods: a name without any right. */

import type { KubeObject } from '../kube/api.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { workloadName } from './names.ts';

export function serviceAccount({ fleet }: ManifestInput): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: ownedMetadata(fleet, workloadName(fleet.name), 'workload'),
    automountServiceAccountToken: false,
  };
}
