/** What a status is made from. */

import type { Condition } from '../../crds/v1alpha1/conditions.ts';
import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { ResourceStatus } from '../compile/result.ts';
import type { PodReport, RelayPod, Stuck } from '../rollout/pods.ts';

/** A resource as it stands in the cluster. */
export interface Subject {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** As it is written now; undefined: none yet. */
  readonly status: WrittenStatus | undefined;
}

export interface WrittenStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  /** What each kind has besides. */
  readonly [field: string]: unknown;
}

/** Of the fleet that serves a resource. */
export interface FleetFacts {
  readonly namespace: string;
  readonly name: string;
  readonly paused: boolean;
  /** Hashes of what each resource becomes in the last compilation, and in each revision that a pod may run. */
  readonly wanted: ReadonlyMap<string, string>;
  readonly inRevision: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Revision of the last compilation. */
  readonly revision: string;
  /** Revision that the stored manifest marks so. */
  readonly proven?: string | undefined;
  /** Milliseconds since 1970; answers of an earlier time do not count: answersSince of the rollout's memory. */
  readonly reportsSince?: number | undefined;
  /** What this leader has seen in every pod: the hashes that statusOf() gave back as `programmed`, by resource. */
  readonly programmed?: ReadonlyMap<string, string> | undefined;
  readonly pods: readonly RelayPod[];
  readonly reports: ReadonlyMap<string, PodReport>;
  readonly failed: { readonly revision: string; readonly reason: string } | undefined;
  /** In words; undefined: what was compiled can be published. */
  readonly heldBack: string | undefined;
  readonly imageTooOld: string | undefined;
}

/** Of a RelayFleet's own objects. */
export interface WorkloadFacts {
  readonly deployment:
    | {
        readonly available: boolean;
        readonly replicas: number;
        readonly readyReplicas: number;
        readonly message: string;
        /** How many are asked for, by the spec, an autoscaler or whoever else holds the field. */
        readonly wanted: number;
        /** Of the newest pod template, ready or not. */
        readonly updatedReplicas: number;
        /** Ready for long enough that the next pod is replaced. */
        readonly availableReplicas: number;
        /** Its controller has seen what was written last. */
        readonly observed: boolean;
        /** Its controller has given up waiting. */
        readonly deadlineExceeded: boolean;
      }
    | undefined;
  /** Whether the Deployment, as far as it is written, is what this fleet asks for. */
  readonly rollout: {
    /** Of the Deployment's pod template. */
    readonly image: string;
    readonly isApplied: boolean;
    /** An image that it is to get after other fleets; undefined: its turn has come. */
    readonly waitsFor: string | undefined;
  };
  /** Why pods do not get ready, each cause once, with one of its pods. */
  readonly stuck: readonly Stuck[];
  /** undefined: the Service is not there yet. Of type LoadBalancer it has an address when somebody has assigned one. */
  readonly addresses: readonly { readonly type: 'IPAddress' | 'Hostname'; readonly value: string }[] | undefined;
  readonly addressExpected: boolean;
  readonly selector: string;
  /** Things that stand in the way of the fleet's objects: a field somebody else holds. */
  readonly troubles: readonly string[];
  /** Those of them that stay until somebody changes something: objects that the API server refuses. */
  readonly refused?: readonly string[];
  /** Worth saying while all is well: a self-signed certificate. */
  readonly remarks: readonly string[];
  /** Why sources by CIDR cannot see clients' addresses; undefined: they can. */
  readonly clientAddressHidden: string | undefined;
}

export interface StatusResult {
  /** The whole status, to be applied. */
  readonly status: WrittenStatus;
  /** It is not what is written. */
  readonly changed: boolean;
  /** When to make it again though nothing has happened, in milliseconds from now. */
  readonly nextLookMs: number | undefined;
  /** The hash that counts as programmed; undefined: none. For FleetFacts.programmed, as long as the leader lives. */
  readonly programmed: string | undefined;
}

export interface StatusFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly subject: Subject;
  readonly compiled: ResourceStatus;
  /** undefined: it belongs to none that exists. */
  readonly fleet: FleetFacts | undefined;
  /** RelayFleet only. */
  readonly workload: WorkloadFacts | undefined;
  /** In words, when a relay says that the next hop of this TenantRoute refuses it. */
  readonly nextHopRefusesUs: string | undefined;
}
