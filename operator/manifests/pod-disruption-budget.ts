/** The PodDisruptionBudget: a drain takes relay pods one after the other. */

import type { KubeObject } from '../kube/api.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { selectorLabels, workloadName } from './names.ts';

export function podDisruptionBudget({ fleet }: ManifestInput): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMetadata(fleet, workloadName(fleet.name), 'workload'),
    spec: {
      maxUnavailable: 1,
      // A pod that is not ready serves nobody: it must not keep a node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorLabels(fleet.name) },
    },
  };
}
