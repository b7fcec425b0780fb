/** What a Deployment as it stands in the cluster means for its fleet. */

import type { KubeObject } from '../kube/api.ts';
import type { Stuck } from '../rollout/pods.ts';
import type { WorkloadFacts } from '../status/facts.ts';

interface DeploymentCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface DeploymentShape {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly DeploymentCondition[];
  };
}

export function deploymentFacts(object: KubeObject): NonNullable<WorkloadFacts['deployment']> {
  // The API server writes 1 where nobody says how many.
  const { spec: { replicas: wanted = 1 } = {}, status = {} } = object as DeploymentShape;
  const available = status.conditions?.find(({ type }) => type === 'Available');
  const halted = status.conditions?.find(({ type, status: is }) => type === 'Progressing' && is === 'False');
  return {
    available: available?.status === 'True',
    replicas: status.replicas ?? 0,
    readyReplicas: status.readyReplicas ?? 0,
    message: halted?.message ?? available?.message ?? 'the Deployment has not been looked at yet',
    wanted,
    updatedReplicas: status.updatedReplicas ?? 0,
    availableReplicas: status.availableReplicas ?? 0,
    observed: (status.observedGeneration ?? 0) >= (object.metadata.generation ?? 0),
    deadlineExceeded: halted?.reason === 'ProgressDeadlineExceeded',
  };
}

/** Pods that the API server refuses, by a quota for instance. The name that each of them would have is left out. */
export function notMade(object: KubeObject | undefined): Stuck[] {
  const { conditions = [] } = (object as DeploymentShape | undefined)?.status ?? {};
  return conditions
    .filter(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
    .map(({ reason = 'FailedCreate', message = 'no pod can be made', lastTransitionTime = '' }) => ({
      text: `${reason}: ${message.replace(/^pods "[^"]*" is forbidden/, 'pods are refused')}`,
      since: Date.parse(lastTransitionTime) || 0,
      needs: 'somebody',
    }));
}
