/**
 * Decides the next step of bringing a configuration to a fleet's pods: one pod first, all when it runs there, back when
 * it does not. Every look starts from what is stored and what pods say, so any leader can go on at any point.
 */

import { adoptCanary, cameRound, chooseCanary, isServing, judge } from './candidate.ts';
import type { Canary, Proven, RolloutDecision, RolloutFacts, RolloutMemory, Tried } from './decision.ts';
import { follow } from './follow.ts';
import type { RelayPod } from './pods.ts';

/** A pod follows in a second; the next change waits so long for those that do not, and gathers others meanwhile. */
const SETTLE_MS = 10_000;
/** Pods that are starting, or were unready for a moment, are ready again by then. */
const UNSERVED_MS = 30_000;
/** The kubelet restarts a process that hangs after a minute; a pod of a node that died is replaced after five. */
const SUSPECT_MS = 600_000;
/** A kubelet that has not shown a pod its new volume by then is dead. */
const PRUNE_MS = 600_000;
const PENDING_LOOK_MS = 250;
const STEADY_LOOK_MS = 10_000;
/** A pod that does not follow for so long is not worth four questions a second. */
const EAGER_MS = 60_000;
const RELUCTANT_LOOK_MS = 2000;

export function emptyMemory(_now: number): RolloutMemory {
  return {
    canary: undefined,
    tried: undefined,
    failed: undefined,
    touched: new Map(),
    proven: undefined,
    unservedSince: undefined,
  };
}

export function decide(facts: RolloutFacts): RolloutDecision {
  const { manifest, desired } = facts;
  const proven = manifest?.revisions.find(({ state }) => state === 'proven')?.revision;
  const candidate = manifest?.revisions.find(({ state }) => state === 'candidate')?.revision;
  const memory = refresh(facts, proven, candidate);
  const known = { ...facts, memory };
  if (proven === undefined) {
    // The first of an installation: there is nothing before it that it could spoil.
    return desired === undefined ? rest(known) : spread(known, 'publishProven', desired);
  }
  if (candidate !== undefined) return decideCandidate(known, proven, candidate);
  if (desired === undefined || desired === proven || desired === memory.failed?.revision) return steady(known, proven);
  return begin(known, proven, desired);
}

/** Nothing is under way and another revision is wanted. */
function begin(facts: RolloutFacts, proven: string, desired: string): RolloutDecision {
  if (!facts.pods.some(isServing)) {
    // Nobody serves and nobody is about to: no pod could try it, and there is no service it could break.
    if (!mayServeSoon(facts, proven)) return spread(facts, 'publishProven', desired);
    return steady(facts, proven, PENDING_LOOK_MS);
  }
  const since = facts.memory.proven?.since ?? facts.now;
  const settled = isSettled(facts, proven);
  const toldAlready = facts.pods.some((pod) => pod.annotatedRevision === desired && !pod.terminating);
  // Pods still on their way to the proven revision would have two to go, and two would try the new one at once.
  if (toldAlready || (!settled && facts.now < since + SETTLE_MS)) return steady(facts, proven, PENDING_LOOK_MS);
  const canary = chooseCanary(facts, desired, undefined);
  return { ...pending(facts, proven, canary), manifest: 'publishCandidate', prune: settled };
}

function decideCandidate(facts: RolloutFacts, proven: string, candidate: string): RolloutDecision {
  const { desired, memory, pods } = facts;
  if (desired === proven) return withdraw(facts, proven, undefined);
  if (memory.failed?.revision === candidate) return withdraw(facts, proven, memory.failed);
  if (cameRound(facts, candidate, memory.tried)) return spread(facts, 'promote', candidate);
  const canary = memory.canary ?? adoptCanary(facts, candidate, memory.tried);
  if (canary === undefined) return nextCanary(facts, proven, candidate);
  const pod = pods.find(({ uid }) => uid === canary.uid);
  const verdict = judge(facts, canary, pod);
  switch (verdict.type) {
    case 'proven':
      return spread(facts, 'promote', candidate);
    case 'failed':
      return withdraw(facts, proven, { revision: candidate, reason: verdict.reason });
    case 'wait':
      return pending(facts, proven, verdict.canary);
    case 'next':
      return nextCanary(withTried(facts, canary, verdict.silent), proven, candidate);
  }
}

function nextCanary(facts: RolloutFacts, proven: string, candidate: string): RolloutDecision {
  const { now, memory, pods } = facts;
  const { tried, unservedSince } = memory;
  // One that fell silent may have been the candidate's doing: it is restarted, and tries again what would hang all.
  const patience = (tried?.silent ?? 0) > 0 ? SUSPECT_MS : UNSERVED_MS;
  // Whoever tried it before is told back first: two must not try it at once.
  const told = pods.some((pod) => pod.annotatedRevision === candidate && !pod.terminating);
  const canary = told ? undefined : chooseCanary(facts, candidate, tried);
  // With nobody ready for so long, the proven revision is no better than one that nobody has tried.
  const unserved = unservedSince !== undefined && now >= unservedSince + patience;
  if (canary === undefined && unserved && !told) return spread(facts, 'promote', candidate);
  return pending(facts, proven, canary);
}

function withTried(facts: RolloutFacts, canary: Canary, silent: boolean): RolloutFacts {
  const { memory } = facts;
  const before = memory.tried;
  const tried: Tried = {
    revision: canary.revision,
    pods: new Map([...(before?.pods ?? []), [canary.uid, canary.since]]),
    silent: (before?.silent ?? 0) + (silent ? 1 : 0),
  };
  return { ...facts, memory: { ...memory, canary: undefined, tried } };
}

/** What the memory says of other revisions than those that are stored is over. */
function refresh(facts: RolloutFacts, proven: string | undefined, candidate: string | undefined): RolloutMemory {
  const { now, desired, memory, pods } = facts;
  const { canary, tried, failed, unservedSince } = memory;
  const forgotten = failed?.revision !== candidate && desired !== undefined && desired !== failed?.revision;
  return {
    canary: canary?.revision === candidate ? canary : undefined,
    tried: tried?.revision === candidate ? tried : undefined,
    failed: forgotten ? undefined : failed,
    touched: memory.touched,
    proven: proven === undefined || proven === memory.proven?.revision ? memory.proven : becomesProven(facts, proven),
    unservedSince: pods.some(isServing) ? undefined : (unservedSince ?? now),
  };
}

function becomesProven({ now, memory }: RolloutFacts, revision: string): Proven {
  const { canary } = memory;
  return { revision, since: now, answersSince: canary?.revision === revision ? canary.since : now };
}

/**
 * Nobody is ready, but a pod is starting or restarting with the proven revision: after a power cut the operator may be
 * back before the relays, and must not give all of them what one of them should try.
 */
function mayServeSoon({ now, pods, reports, memory }: RolloutFacts, proven: string): boolean {
  if (now >= (memory.unservedSince ?? now) + UNSERVED_MS) return false;
  return pods.some(
    (pod) =>
      !pod.terminating &&
      pod.node !== undefined &&
      pod.waiting === undefined &&
      reports.get(pod.uid)?.refused?.revision !== proven,
  );
}

/** Every pod that serves has said, since it could, that it runs the proven revision. */
function isSettled({ now, pods, reports, memory }: RolloutFacts, proven: string): boolean {
  const since = memory.proven?.answersSince ?? now;
  return pods.filter(isServing).every(({ uid, annotatedRevision }) => {
    const report = reports.get(uid);
    return annotatedRevision === proven && report?.running === proven && report.at >= since;
  });
}

function rest({ memory }: RolloutFacts): RolloutDecision {
  return { manifest: 'keep', annotate: new Map(), touch: [], prune: false, memory, lookAgainMs: STEADY_LOOK_MS };
}

/** `atMost`: something is waited for besides pods. */
function steady(facts: RolloutFacts, proven: string, atMost = STEADY_LOOK_MS): RolloutDecision {
  const { now, memory } = facts;
  const { annotate, touch, touched } = follow(facts, () => proven);
  const since = memory.proven?.since ?? now;
  const settled = isSettled(facts, proven);
  const look = settled ? STEADY_LOOK_MS : eager(now, since);
  return {
    manifest: 'keep',
    annotate,
    touch,
    prune: settled || now >= since + PRUNE_MS,
    memory: { ...memory, touched },
    lookAgainMs: Math.min(look, atMost),
  };
}

/** A candidate is listed: its canary runs it, all others the proven revision. */
function pending(facts: RolloutFacts, proven: string, canary: Canary | undefined): RolloutDecision {
  const target = (pod: RelayPod) => (pod.uid === canary?.uid ? canary.revision : proven);
  const { annotate, touch, touched } = follow(facts, target);
  return {
    manifest: 'keep',
    annotate,
    touch,
    prune: false,
    memory: { ...facts.memory, canary, touched },
    lookAgainMs: eager(facts.now, canary?.since ?? facts.now),
  };
}

/** From now on it is the proven revision, everywhere. */
function spread(facts: RolloutFacts, manifest: 'publishProven' | 'promote', revision: string): RolloutDecision {
  const { annotate, touch, touched } = follow(facts, () => revision);
  const memory = { ...facts.memory, touched };
  return { manifest, annotate, touch, prune: false, memory, lookAgainMs: PENDING_LOOK_MS };
}

function withdraw(facts: RolloutFacts, proven: string, failed: RolloutMemory['failed']): RolloutDecision {
  const { annotate, touch, touched } = follow(facts, () => proven);
  const known = facts.memory.proven;
  const memory: RolloutMemory = {
    ...facts.memory,
    failed: failed ?? facts.memory.failed,
    touched,
    // The canary needs time to go back, as others do to go on.
    proven: known && { ...known, since: facts.now, answersSince: facts.now },
  };
  return { manifest: 'withdraw', annotate, touch, prune: false, memory, lookAgainMs: PENDING_LOOK_MS };
}

function eager(now: number, since: number): number {
  return now < since + EAGER_MS ? PENDING_LOOK_MS : RELUCTANT_LOOK_MS;
}
