/** All objects that run a fleet, in the order in which they are applied; what is missing is not wanted any more. */

import type { KubeObject, ResourceType } from '../kube/api.ts';
import { deployment } from './deployment.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import type { ManifestInput } from './input.ts';
import { networkPolicy } from './network-policy.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { isServiceRetained, relayService } from './relay-service.ts';
import { serviceAccount } from './service-account.ts';
import { serviceMonitor } from './service-monitor.ts';

export interface FleetObject {
  readonly type: ResourceType;
  readonly object: KubeObject;
  /** Stays when the RelayFleet is deleted. */
  readonly retained: boolean;
}

/** Every kind that a fleet's set may hold: where to look for what must be pruned. */
export const WORKLOAD_TYPES = {
  ServiceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' },
  NetworkPolicy: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', plural: 'networkpolicies' },
  Service: { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  PodDisruptionBudget: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', plural: 'poddisruptionbudgets' },
  Deployment: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
  HorizontalPodAutoscaler: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
  },
  ServiceMonitor: { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', plural: 'servicemonitors' },
} as const satisfies Record<string, ResourceType>;

/** Before the pods come what they run as, what protects them and how they are reached; then what watches them. */
export function fleetObjects(input: ManifestInput): readonly FleetObject[] {
  const types = WORKLOAD_TYPES;
  const wanted: readonly [ResourceType, KubeObject | undefined][] = [
    [types.ServiceAccount, serviceAccount(input)],
    [types.NetworkPolicy, networkPolicy(input)],
    [types.Service, relayService(input)],
    [types.PodDisruptionBudget, podDisruptionBudget(input)],
    [types.Deployment, deployment(input)],
    [types.HorizontalPodAutoscaler, horizontalPodAutoscaler(input)],
    [types.ServiceMonitor, serviceMonitor(input)],
  ];
  return wanted.flatMap(([type, object]) =>
    object === undefined ? [] : [{ type, object, retained: type === types.Service && isServiceRetained(input) }],
  );
}
