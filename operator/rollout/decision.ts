/** What rollout decides about one fleet at one moment, and what it must be told for that. */

import type { Manifest } from '../../relay/core/manifest.ts';
import type { PodReport, RelayPod } from './pods.ts';

/** What a leader remembers from one look to the next; a new leader begins with emptyMemory(). */
export interface RolloutMemory {
  /** The one pod that tries the candidate. */
  readonly canary:
    | { readonly uid: string; readonly revision: string; readonly since: number; readonly restarts: number }
    | undefined;
  /** It is not tried again until another is wanted. */
  readonly failed: { readonly revision: string; readonly reason: string } | undefined;
  /** By pod UID: how often it was touched for this revision, and when last. */
  readonly touched: ReadonlyMap<string, { readonly revision: string; readonly count: number; readonly at: number }>;
  /** When the proven revision became so, as this leader saw it; its start counts. */
  readonly provenSince: number | undefined;
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
   * the old, then list it in that state (a candidate that was listed before it gives way). promote: the candidate is the proven
   * one and the only one. withdraw: the candidate is listed no more.
   */
  readonly manifest: 'keep' | 'publishProven' | 'publishCandidate' | 'promote' | 'withdraw';
  /** Value of the revision annotation, by pod name; only those that must change. */
  readonly annotate: ReadonlyMap<string, string>;
  /** Pods whose volumes the kubelet should look at again. */
  readonly touch: readonly string[];
  /** Pieces that the manifest does not list may be removed. */
  readonly prune: boolean;
  readonly memory: RolloutMemory;
  /** When to ask pods and look again, in milliseconds from now. */
  readonly lookAgainMs: number;
}
