/** Programmed: whether every pod that serves runs this resource as it is wanted now, and why not. */

import type { RelayPod } from '../rollout/pods.ts';
import { type Cause, sentences } from './cause.ts';
import { equalStatus } from './equal.ts';
import type { FleetFacts, StatusFacts } from './facts.ts';
import { tableSources } from './kind-fields.ts';
import { answerOf, isServing } from './pod-answers.ts';

export interface Programmed {
  readonly cause: Cause;
  /** The hash that is programmed. */
  readonly hash: string | undefined;
  /** A pod's answer is missing, which changes nothing else when it comes. */
  readonly unanswered?: true;
}

export function programmed(facts: StatusFacts): Programmed {
  const { subject, compiled, fleet } = facts;
  const compiledCause = (type: string) => compiled.conditions.find((condition) => condition.type === type);
  if (compiledCause('Accepted')?.status === 'False') {
    return no('NotAccepted', 'Nothing of it is in the configuration: see the condition Accepted.');
  }
  if (fleet === undefined) return no('Pending', 'No fleet serves it: see the condition ResolvedRefs.');
  const wanted = fleet.wanted.get(`${subject.kind}/${subject.name}`);
  if (wanted === undefined) {
    const why = compiledCause('ResolvedRefs')?.status === 'True' ? '' : ': see the condition ResolvedRefs';
    return no('Pending', `It is not in the configuration yet${why}.`);
  }
  if (isSeenEverywhere(facts, fleet, wanted) || isStillTrue(facts, fleet, wanted)) {
    return { cause: { status: 'True', reason: 'Programmed', message: 'Every ready relay pod runs it.' }, hash: wanted };
  }
  return whyNot(facts, fleet, wanted);
}

function whyNot({ subject, now }: StatusFacts, fleet: FleetFacts, wanted: string): Programmed {
  const { paused, imageTooOld, failed, heldBack, pods } = fleet;
  const own = subject.kind === 'RelayFleet';
  const theFleet = own ? 'this fleet' : `RelayFleet ${fleet.name}`;
  if (paused) {
    return no('FleetPaused', `Nothing is applied while ${theFleet} is paused: set its spec.paused to false.`);
  }
  if (imageTooOld !== undefined) {
    const where = own ? 'spec.image' : `spec.image of ${theFleet}`;
    return no('ImageTooOld', sentences(imageTooOld, `Set ${where} to a newer one, or leave it out`));
  }
  if (failed !== undefined && hashIn(fleet, failed.revision, subject.kind, subject.name) === wanted) {
    return no(
      'CanaryFailed',
      sentences(
        `The first relay pod did not take it: ${failed.reason}`,
        'All pods keep what they ran before; change this resource, or another that says CanaryFailed',
      ),
    );
  }
  if (heldBack !== undefined) return no('Pending', sentences(`It is held back: ${heldBack}`));
  const serving = pods.filter(isServing);
  if (serving.length === 0) {
    const look = own ? 'its Deployment and pods' : `the conditions of ${theFleet}`;
    return no('NoReadyPods', `No relay pod is ready: look at ${look}.`);
  }
  const told = serving.filter((pod) => runsIt(fleet, pod, wanted, subject, now)).length;
  // A count is the fleet's alone: thousands of resources would be written again for each pod.
  const message = own
    ? `${told} of ${serving.length} ready relay pods run it; the others are being told.`
    : 'The relay pods are being told; this takes seconds.';
  const unanswered = serving.some((pod) => answerOf(fleet, pod, now) === undefined);
  return { ...no('Pending', message), ...(unanswered && { unanswered }) };
}

function no(reason: Cause['reason'], message: string): Programmed {
  return { cause: { status: 'False', reason, message }, hash: undefined };
}

function isSeenEverywhere({ subject, now }: StatusFacts, fleet: FleetFacts, wanted: string): boolean {
  const serving = fleet.pods.filter(isServing);
  return serving.length > 0 && serving.every((pod) => runsIt(fleet, pod, wanted, subject, now));
}

/**
 * It was true of this very content, and pods that join or leave do not touch that. Only the leader that saw it knows
 * for sure; another one goes by what is written, unless something says that the content is another.
 */
function isStillTrue(facts: StatusFacts, fleet: FleetFacts, wanted: string): boolean {
  const { subject, compiled } = facts;
  const { kind, name, generation, status } = subject;
  const seen = fleet.programmed?.get(`${kind}/${name}`);
  if (seen !== undefined) return seen === wanted;
  const before = status?.conditions?.find(({ type }) => type === 'Programmed');
  if (before?.status !== 'True' || before.observedGeneration !== generation) return false;
  if (fleet.proven !== undefined && hashIn(fleet, fleet.proven, kind, name) !== wanted) return false;
  if (!equalStatus(status?.sources, tableSources(compiled))) return false;
  return fleet.pods.filter(isServing).every((pod) => {
    const running = answerOf(fleet, pod, facts.now)?.running;
    const hashes = running === undefined ? undefined : hashesOf(fleet, running);
    return hashes === undefined || hashes.get(`${kind}/${name}`) === wanted;
  });
}

function runsIt(
  fleet: FleetFacts,
  pod: RelayPod,
  wanted: string,
  { kind, name }: StatusFacts['subject'],
  now: number,
): boolean {
  const running = answerOf(fleet, pod, now)?.running;
  return running !== undefined && hashIn(fleet, running, kind, name) === wanted;
}

function hashIn(fleet: FleetFacts, revision: string, kind: string, name: string): string | undefined {
  return hashesOf(fleet, revision)?.get(`${kind}/${name}`);
}

function hashesOf({ inRevision, revision: last, wanted }: FleetFacts, revision: string) {
  return inRevision.get(revision) ?? (revision === last ? wanted : undefined);
}
