/** Ready, and while it is not, or its relays are being replaced: Reconciling or Stalled, each with the first cause. */

import { type Cause, type Said, sentences } from './cause.ts';
import type { StatusFacts, WorkloadFacts } from './facts.ts';
import type { RolledOut } from './rolled-out.ts';

/** Objects of one apply or sync arrive in any order, and Secrets from elsewhere a little later. */
const MISSING_MS = 120_000;

export interface Readiness {
  readonly conditions: readonly Said[];
  /** When something stalls by itself, in milliseconds from now. */
  readonly stallsInMs: number | undefined;
}

/** What is under way, or what keeps it from going on. */
interface Task extends Cause {
  /** Zero or less: it has stalled; undefined: it goes on by itself. */
  readonly stallsInMs: number | undefined;
}

/** `since` tells when a condition, as it is written or to be written now, last changed. */
export function readiness(
  facts: StatusFacts,
  said: readonly Said[],
  rollout: RolledOut | undefined,
  since: (condition: Said) => number,
): Readiness {
  const obstacle = firstObstacle(facts, said);
  const tasks: Task[] = [];
  if (obstacle !== undefined) tasks.push({ ...obstacle, stallsInMs: stallsIn(obstacle, since, facts.now) });
  // Mail flows while relays are being replaced: that is not what Ready speaks of.
  if (rollout?.cause.status === 'False') tasks.push({ ...rollout.cause, stallsInMs: rollout.stallsInMs });
  const { status, reason, message }: Cause = obstacle ?? {
    status: 'True',
    reason: 'Ready',
    message: readyMessage(facts, said),
  };
  const times = tasks.flatMap(({ stallsInMs = 0 }) => (stallsInMs > 0 ? [stallsInMs] : []));
  return {
    conditions: [{ type: 'Ready', status, reason, message }, ...progress(tasks)],
    stallsInMs: times.length === 0 ? undefined : Math.min(...times),
  };
}

/** Whatever has stalled, before what still moves. */
function progress(tasks: readonly Task[]): Said[] {
  const stalled = tasks.find(({ stallsInMs }) => stallsInMs !== undefined && stallsInMs <= 0);
  const first = stalled ?? tasks[0];
  if (first === undefined) return [];
  const { reason, message } = first;
  return [{ type: stalled === undefined ? 'Reconciling' : 'Stalled', status: 'True', reason, message }];
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
    serves(deployment) || paused ? undefined : unavailable(workload),
    // What was there before may serve well: it is not what this generation asks for.
    refused.length === 0 || paused
      ? undefined
      : { type: 'Ready', status: 'False', reason: 'Invalid', message: sentences(...refused) },
    hasAddress || paused ? undefined : { type: 'Ready', ...address },
  ];
}

/** A Deployment calls itself available when no relay of those that are asked for is missing: one is enough for mail. */
function serves(deployment: WorkloadFacts['deployment']): boolean {
  return deployment !== undefined && (deployment.available || deployment.readyReplicas > 0);
}

function unavailable({ deployment, troubles, stuck, selector }: WorkloadFacts): Said {
  const state = deployment === undefined ? 'There is no Deployment yet' : deployment.message;
  const pods = stuck.map(({ text }) => text);
  const message = sentences(...troubles, ...pods, state, `See kubectl describe deployments,pods -l ${selector}`);
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
