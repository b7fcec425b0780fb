/** RolledOut: whether as many relays as are asked for are there, available and of the newest pod template, and why not. */

import type { Stuck } from '../rollout/pods.ts';
import { type Cause, sentences } from './cause.ts';
import type { StatusFacts, WorkloadFacts } from './facts.ts';

/** How long a pod may try before it counts as one that needs somebody. */
const PATIENCE_MS = {
  /** A registry or a Secret may come a little later. */
  somebody: 120_000,
  /** An autoscaler of the cluster brings a node within minutes; a Deployment gives up after as many. */
  node: 600_000,
} as const satisfies Record<Stuck['needs'], number>;

export interface RolledOut {
  readonly cause: Cause;
  /** In milliseconds from now, zero or less: it has stalled; undefined: it goes on by itself. */
  readonly stallsInMs: number | undefined;
}

type Deployment = NonNullable<WorkloadFacts['deployment']>;

/** undefined: it is no fleet. */
export function rolledOut({ subject, compiled, fleet, workload, now }: StatusFacts): RolledOut | undefined {
  if (subject.kind !== 'RelayFleet' || workload === undefined) return undefined;
  if (compiled.conditions.some(({ type, status }) => type === 'Accepted' && status === 'False')) {
    return no('NotAccepted', 'Nothing of it is applied: see the condition Accepted.');
  }
  if (fleet?.paused) {
    const message = 'Nothing is applied while this fleet is paused, so its relays may be others than it asks for.';
    return { cause: { status: 'Unknown', reason: 'FleetPaused', message }, stallsInMs: undefined };
  }
  const { deployment, rollout, stuck } = workload;
  if (deployment === undefined) return no('RollingOut', 'There is no Deployment yet.');
  if (rollout.waitsFor !== undefined) {
    return no('RollingOut', `It gets image ${rollout.waitsFor} when every relay of the fleets before it runs that.`);
  }
  if (!rollout.isApplied) return no('RollingOut', 'What this generation asks for is not in the Deployment yet.');
  if (!deployment.observed) return no('RollingOut', 'The Deployment is being looked at.');
  const { wanted } = deployment;
  const missing = whatIsMissing(deployment);
  if (missing === undefined) {
    const message = wanted === 0 ? 'No relay is asked for.' : `${wanted} of ${wanted} relays run ${rollout.image}.`;
    return { cause: { status: 'True', reason: 'RolledOut', message }, stallsInMs: undefined };
  }
  const message = sentences(missing.message, ...stuck.map(({ text }) => text));
  if (deployment.deadlineExceeded) return { ...no('ProgressDeadlineExceeded', message), stallsInMs: 0 };
  if (stuck.length === 0) return no(missing.reason, message);
  const ends = stuck.map(({ since, needs }) => since + PATIENCE_MS[needs]);
  return { ...no('PodsCannotStart', message), stallsInMs: Math.min(...ends) - now };
}

function no(reason: Cause['reason'], message: string): RolledOut {
  return { cause: { status: 'False', reason, message }, stallsInMs: undefined };
}

/** By the same numbers as `kubectl rollout status`; undefined: nothing is. */
function whatIsMissing(deployment: Deployment): Pick<Cause, 'reason' | 'message'> | undefined {
  const { wanted, replicas, updatedReplicas, readyReplicas, availableReplicas } = deployment;
  if (replicas > updatedReplicas) {
    const message = `${updatedReplicas} of ${wanted} relays have the newest pod template, and ${readyReplicas} are ready`;
    return { reason: 'RollingOut', message };
  }
  if (replicas < wanted) return { reason: 'Scaling', message: `${replicas} of ${wanted} relays are there` };
  if (replicas > wanted) return { reason: 'Scaling', message: `${wanted} of the ${replicas} relays are to stay` };
  if (availableReplicas >= wanted) return undefined;
  return { reason: 'PodsNotReady', message: `${availableReplicas} of ${wanted} relays are available` };
}
