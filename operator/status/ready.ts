/** Ready, and while it is not: Reconciling or Stalled, each with the first cause. */

import { type Cause, type Said, sentences } from './cause.ts';
import type { StatusFacts, WorkloadFacts } from './facts.ts';

/** Objects of one apply or sync arrive in any order, and Secrets from elsewhere a little later. */
const MISSING_MS = 120_000;

export interface Readiness {
  readonly conditions: readonly Said[];
  /** When it stalls by itself, in milliseconds from now. */
  readonly stallsInMs: number | undefined;
}

/** `since` tells when a condition, as it is written or to be written now, last changed. */
export function readiness(facts: StatusFacts, said: readonly Said[], since: (condition: Said) => number): Readiness {
  const obstacle = firstObstacle(facts, said);
  if (obstacle === undefined) {
    return {
      conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: readyMessage(facts, said) }],
      stallsInMs: undefined,
    };
  }
  const { status, reason, message } = obstacle;
  const left = stallsIn(obstacle, since, facts.now);
  const stalled = left !== undefined && left <= 0;
  return {
    conditions: [
      { type: 'Ready', status, reason, message },
      { type: stalled ? 'Stalled' : 'Reconciling', status: 'True', reason, message },
    ],
    stallsInMs: stalled ? undefined : left,
  };
}

function firstObstacle({ workload, fleet }: StatusFacts, said: readonly Said[]): Said | undefined {
  const own = workload === undefined ? [] : workloadObstacles(workload, fleet?.paused ?? false);
  const inOrder = (['Accepted', 'ResolvedRefs'] as const).map((type) => said.find((entry) => entry.type === type));
  const programmed = said.find(({ type }) => type === 'Programmed');
  // Without pods nothing is programmed: why there are none says more.
  const all = [...inOrder, ...own.slice(0, 1), programmed, ...own.slice(1)];
  return all.find((entry) => entry !== undefined && entry.status !== 'True');
}

/** First the Deployment, then what is not as the spec says, then the address. */
function workloadObstacles(workload: WorkloadFacts, paused: boolean): readonly (Said | undefined)[] {
  const { addresses, addressExpected, deployment, refused = [] } = workload;
  const address: Cause = {
    status: 'False',
    reason: 'AddressNotAssigned',
    message:
      'The Service has no address yet: a load balancer must assign one. ' +
      'In a cluster without load balancers set spec.service.type to NodePort or ClusterIP.',
  };
  const hasAddress = addresses !== undefined && (addresses.length > 0 || !addressExpected);
  return [
    deployment?.available === true || paused ? undefined : unavailable(workload),
    // What was there before may serve well: it is not what this generation asks for.
    refused.length === 0 || paused
      ? undefined
      : { type: 'Ready', status: 'False', reason: 'Invalid', message: sentences(...refused) },
    hasAddress || paused ? undefined : { type: 'Ready', ...address },
  ];
}

function unavailable({ deployment, troubles, selector }: WorkloadFacts): Said {
  const state = deployment === undefined ? 'There is no Deployment yet' : deployment.message;
  const message = sentences(...troubles, state, `See kubectl describe deployments,pods -l ${selector}`);
  return { type: 'Ready', status: 'False', reason: 'DeploymentUnavailable', message };
}

function readyMessage({ subject, workload }: StatusFacts, said: readonly Said[]): string {
  const partly = said.some(({ type }) => type === 'PartiallyInvalid');
  const main = partly ? 'In force but for what the condition PartiallyInvalid names' : 'In force in every relay pod';
  if (subject.kind !== 'RelayFleet' || workload === undefined) return sentences(main);
  return sentences('Its relay pods serve', ...workload.troubles, ...workload.remarks);
}

/** Zero or less: it has stalled; undefined: it goes on by itself. */
function stallsIn(obstacle: Said, since: (condition: Said) => number, now: number): number | undefined {
  switch (obstacle.reason) {
    case 'Invalid':
    case 'Conflicted':
    case 'CanaryFailed':
    case 'ImageTooOld':
      return 0;
    case 'NotAllowedByTenantRoute':
    case 'DomainNotAllowed':
    case 'FleetNotFound':
    case 'NotFound':
    case 'KeyNotFound':
    case 'InvalidContent':
      return since(obstacle) + MISSING_MS - now;
    default:
      return undefined;
  }
}
