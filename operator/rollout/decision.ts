/** What rollout decides about one fleet at one moment, and what it must be told for that. */

import type { Manifest } from '../../relay/core/manifest.ts';
import type { PodReport, RelayPod } from './pods.ts';

/** The one pod that tries a candidate. */
export interface Canary {
  readonly uid: string;
  readonly revision: string;
  /** When it was told. Only what it says later counts. */
  readonly since: number;
  /** At that time. */
  readonly restarts: number;
  /** Since when it has not been ready; undefined: it is. */
  readonly unreadySince: number | undefined;
}

/** Pods that had their turn with a candidate and showed nothing about it. */
export interface Tried {
  readonly revision: string;
  /** By UID: when each was told. */
  readonly pods: ReadonlyMap<string, number>;
  /** How many of them fell silent and unready, like a dead node's pod or one that hangs. */
  readonly silent: number;
}

/** The proven revision, as this leader saw it. */
export interface Proven {
  readonly revision: string;
  /** When it became so, or another was withdrawn beside it; not before this leader's start. */
  readonly since: number;
  /** From when on pods can have answered that they run it; the canary did before it was proven. */
  readonly answersSince: number;
}

export interface Touched {
  readonly revision: string;
  readonly count: number;
  readonly at: number;
}

/** What a leader remembers from one look to the next; a new leader begins with emptyMemory(). */
export interface RolloutMemory {
  readonly canary: Canary | undefined;
  readonly tried: Tried | undefined;
  /** It is not tried again until another is wanted. */
  readonly failed: { readonly revision: string; readonly reason: string } | undefined;
  /** By pod UID: how often it was touched for this revision, and when last. */
  readonly touched: ReadonlyMap<string, Touched>;
  readonly proven: Proven | undefined;
  /** Since when no pod is ready, as this leader saw it. */
  readonly unservedSince: number | undefined;
}

export interface RolloutFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** As it is stored; undefined: there is none yet. */
  readonly manifest: Manifest | undefined;
  /** Revision of the last compilation; undefined: it must not be published (paused, unknown references, too large). */
  readonly desired: string | undefined;
  /** Every pod of the fleet, of any ReplicaSet. */
  readonly pods: readonly RelayPod[];
  /** By pod UID: the last answer of each. */
  readonly reports: ReadonlyMap<string, PodReport>;
  readonly memory: RolloutMemory;
}

export interface RolloutDecision {
  /**
   * What to do to the stored manifest, once, before anything else. publish: write the desired revision's pieces beside
   * the old, then list it in that state (as the proven one: alone). promote: the candidate is the proven one and the
   * only one. withdraw: the candidate is listed no more.
   */
  readonly manifest: 'keep' | 'publishProven' | 'publishCandidate' | 'promote' | 'withdraw';
  /** Value of the revision annotation, by pod name; only those that must change. */
  readonly annotate: ReadonlyMap<string, string>;
  /** Names of pods whose volumes the kubelet should look at again. */
  readonly touch: readonly string[];
  /**
   * Pieces that the manifest, before and after this decision, does not list may be removed. With a publication: in the
   * same write.
   */
  readonly prune: boolean;
  /** To be given again at the next look, whether or not everything else could be carried out. */
  readonly memory: RolloutMemory;
  /** When to ask pods and look again, in milliseconds from now. */
  readonly lookAgainMs: number;
}
