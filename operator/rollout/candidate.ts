/** Judges the candidate by the pod that tries it, and chooses that pod. */

import type { PodReport, RelayPod } from './pods.ts';
import type { Canary, RolloutFacts, Tried } from './decision.ts';

/** A relay reads a million addresses in two seconds; a pod that is not ready for so long serves nobody. */
const UNREADY_MS = 10_000;
/** A kubelet that missed every touch has looked at its volumes by itself after a minute or so. */
const SLOW_MS = 120_000;
/** One pod falls silent when its node dies; two in a row do not by chance. */
const SILENT_PODS = 2;
/** Pods are asked every 10 s: two answers in a row are missing. */
const ANSWERING_MS = 25_000;

export type Verdict =
  /** The canary has not shown anything yet. */
  | { readonly type: 'wait'; readonly canary: Canary }
  | { readonly type: 'proven' }
  | { readonly type: 'failed'; readonly reason: string }
  /** Says nothing about the candidate: another pod must try it. */
  | { readonly type: 'next'; readonly silent: boolean };

/** `pod` undefined: there is no such pod any more. */
export function judge(facts: RolloutFacts, remembered: Canary, pod: RelayPod | undefined): Verdict {
  if (pod === undefined) return { type: 'next', silent: false };
  const { now, memory } = facts;
  const canary = { ...remembered, unreadySince: pod.ready ? undefined : (remembered.unreadySince ?? now) };
  const { revision } = canary;
  const report = reportSince(facts, canary.uid, canary.since);
  // A refusal is remembered by the pod: one of an earlier attempt is no answer to this one.
  if (report?.wanted === revision && report.refused?.revision === revision) {
    return { type: 'failed', reason: `pod ${pod.name} refused it: ${report.refused.reason}` };
  }
  if (pod.restarts > canary.restarts) return { type: 'failed', reason: `pod ${pod.name} restarted on it` };
  if (pod.terminating) return { type: 'next', silent: false };
  if (pod.ready && report?.running === revision) return { type: 'proven' };
  if (canary.unreadySince !== undefined && now - canary.unreadySince >= UNREADY_MS) {
    if (report === undefined) {
      const before = memory.tried?.revision === revision ? memory.tried.silent : 0;
      if (before + 1 < SILENT_PODS) return { type: 'next', silent: true };
      return {
        type: 'failed',
        reason: `${SILENT_PODS} pods in a row stopped answering on it, the last was ${pod.name}`,
      };
    }
    if (report.wanted !== revision && report.running !== revision) return { type: 'next', silent: false };
    return { type: 'failed', reason: `pod ${pod.name} was not ready on it within ${UNREADY_MS / 1000} seconds` };
  }
  if (pod.ready && now - canary.since >= SLOW_MS) return { type: 'next', silent: false };
  return { type: 'wait', canary };
}

/** A pod that was given up as too slow has come round. */
export function cameRound(facts: RolloutFacts, revision: string, tried: Tried | undefined): boolean {
  return facts.pods.some((pod) => {
    const since = tried?.pods.get(pod.uid);
    return since !== undefined && isServing(pod) && reportSince(facts, pod.uid, since)?.running === revision;
  });
}

/** An answer that is not younger is of an earlier time with the same revision. */
function reportSince({ reports }: RolloutFacts, uid: string, since: number): PodReport | undefined {
  const report = reports.get(uid);
  return report !== undefined && report.at > since ? report : undefined;
}

export function isServing(pod: RelayPod): boolean {
  return pod.ready && !pod.terminating;
}

/**
 * The youngest of those that serve and answer: it has the newest pod template, which stays when a rollout of the
 * Deployment is under way, and the newest relay. One that a scale-down takes is replaced by another. Pods that had
 * their turn come last.
 */
export function chooseCanary(facts: RolloutFacts, revision: string, tried: Tried | undefined): Canary | undefined {
  const { now, pods, reports } = facts;
  const rank = ({ uid }: RelayPod) => {
    const report = reports.get(uid);
    const answers = report !== undefined && now - report.at <= ANSWERING_MS;
    // Left behind by an attempt that was broken off: no other needs to try it.
    if (answers && report.running === revision) return 0;
    return (tried?.pods.has(uid) ? 3 : 1) + (answers ? 0 : 1);
  };
  const [pod] = pods
    .filter(isServing)
    .sort((a, b) => rank(a) - rank(b) || b.created - a.created || (a.uid < b.uid ? -1 : 1));
  if (pod === undefined) return undefined;
  return { uid: pod.uid, revision, since: now, restarts: pod.restarts, unreadySince: undefined };
}

/** The pod that another leader has told to try it. */
export function adoptCanary(facts: RolloutFacts, revision: string, tried: Tried | undefined): Canary | undefined {
  const told = (pod: RelayPod) => pod.annotatedRevision === revision && !pod.terminating && !tried?.pods.has(pod.uid);
  const [pod] = facts.pods
    .filter(told)
    .sort((a, b) => Number(b.ready) - Number(a.ready) || b.created - a.created || (a.uid < b.uid ? -1 : 1));
  if (pod === undefined) return undefined;
  const unreadySince = pod.ready ? undefined : facts.now;
  return { uid: pod.uid, revision, since: facts.now, restarts: pod.restarts, unreadySince };
}
