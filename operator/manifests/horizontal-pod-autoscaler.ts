/** The HorizontalPodAutoscaler, where the fleet asks for one. */

import type { KubeObject } from '../kube/api.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { workloadName } from './names.ts';

/** In percent of the request, when the fleet names no target. */
const DEFAULT_CPU_TARGET = 80;
/** A gauge of each relay pod. */
const CONNECTIONS_METRIC = 'isthmus_smtp_connections';

const cpuMetric = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

const connectionsMetric = (perPod: number) => ({
  type: 'Pods',
  pods: { metric: { name: CONNECTIONS_METRIC }, target: { type: 'AverageValue', averageValue: String(perPod) } },
});

/** undefined: the fleet has a fixed number of pods. */
export function horizontalPodAutoscaler({ fleet }: ManifestInput): KubeObject | undefined {
  const { autoscaling } = fleet.spec;
  if (autoscaling === undefined) return undefined;
  const {
    minReplicas,
    maxReplicas,
    targetCPUUtilizationPercentage: cpu,
    targetConnectionsPerPod: perPod,
  } = autoscaling;
  const cpuTarget = cpu ?? (perPod === undefined ? DEFAULT_CPU_TARGET : undefined);
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: ownedMetadata(fleet, workloadName(fleet.name), 'workload'),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: workloadName(fleet.name) },
      minReplicas,
      maxReplicas,
      metrics: [
        ...(cpuTarget === undefined ? [] : [cpuMetric(cpuTarget)]),
        ...(perPod === undefined ? [] : [connectionsMetric(perPod)]),
      ],
    },
  };
}
