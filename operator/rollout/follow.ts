/** Brings every pod to the revision that it should run: tells it, and makes its kubelet look again while it does not follow. */

import type { RolloutFacts, Touched } from './decision.ts';
import type { RelayPod } from './pods.ts';

/** The kubelet looks at a pod's volumes about a second after its annotations change; sooner is no help. */
const FIRST_TOUCH_MS = 2000;
/**
 * After an outage of the API server each of a kubelet's watches, one for every ConfigMap, comes back at a time of its own, up
 * to a minute later: only a touch after the last of them brings what is new, and a pod should not wait as long once more for it.
 */
const SLOWEST_TOUCH_MS = 8000;

export interface Following {
  readonly annotate: Map<string, string>;
  readonly touch: string[];
  readonly touched: Map<string, Touched>;
}

/** `target`: the revision that a pod should run. */
export function follow(facts: RolloutFacts, target: (pod: RelayPod) => string): Following {
  const { now, pods, reports, memory } = facts;
  const following: Following = { annotate: new Map(), touch: [], touched: new Map() };
  for (const pod of pods) {
    // A pod without an address has not started: it will find everything when it does.
    if (pod.terminating || (pod.ip === undefined && pod.annotatedRevision === undefined)) continue;
    const revision = target(pod);
    if (pod.annotatedRevision !== revision) {
      following.annotate.set(pod.name, revision);
      following.touched.set(pod.uid, { revision, count: 0, at: now });
      continue;
    }
    if (pod.ip === undefined || reports.get(pod.uid)?.running === revision) continue;
    const known = memory.touched.get(pod.uid);
    const last = known?.revision === revision ? known : undefined;
    if (last !== undefined && now < last.at + pause(last.count)) {
      following.touched.set(pod.uid, last);
      continue;
    }
    // Told by another leader, nobody knows when: touched at once.
    following.touch.push(pod.name);
    following.touched.set(pod.uid, { revision, count: (last?.count ?? 0) + 1, at: now });
  }
  return following;
}

function pause(count: number): number {
  return Math.min(SLOWEST_TOUCH_MS, FIRST_TOUCH_MS * 2 ** count);
}
