/** Facts for statusOf() out of the short form of test/cases/conditions: what a case does not name is in order. */

import type { Condition } from '../../../crds/v1alpha1/conditions.ts';
import type { Kind } from '../../../crds/v1alpha1/kinds.ts';
import type { CompiledCondition } from '../../../operator/compile/conditions.ts';
import type { ResourceStatus } from '../../../operator/compile/result.ts';
import type { PodReport, RelayPod, Stuck } from '../../../operator/rollout/pods.ts';
import type { FleetFacts, StatusFacts, WorkloadFacts } from '../../../operator/status/facts.ts';

/** `Status Reason: message`. */
export type Text = string;

export interface StatusCase {
  readonly name: string;
  readonly kind?: Kind;
  readonly generation?: number;
  /** As it is written; `ago` in seconds counts for all conditions. */
  readonly written?: { readonly ago: number; readonly generation?: number; readonly conditions: Record<string, Text> };
  readonly writtenFields?: Record<string, unknown>;
  /** Conditions of compile, in place of those of a valid resource. */
  readonly compiled?: Record<string, Text>;
  readonly compiledFields?: Partial<ResourceStatus>;
  readonly fleet?: FleetCase | null;
  /** null: it is not there. */
  readonly workload?: WorkloadCase;
  readonly nextHopRefusesUs?: string;
  readonly expect: Outcome;
}

interface FleetCase {
  /** Hash of the resource in the last compilation; null: it is not in it. */
  readonly wanted?: string | null;
  /** Hash of the resource in each revision. */
  readonly inRevision?: Record<string, string | null>;
  readonly proven?: string;
  readonly revision?: string;
  /** By name: the revision that the pod reports; a list says more. */
  readonly pods?: Record<string, string | null | PodCase>;
  readonly paused?: boolean;
  readonly failed?: string;
  readonly heldBack?: string;
  readonly imageTooOld?: string;
  /** Hash that this leader saw programmed. */
  readonly programmed?: string;
  /** In seconds. */
  readonly reportsSinceAgo?: number;
}

interface WorkloadCase extends Partial<Omit<WorkloadFacts, 'deployment' | 'addresses' | 'rollout' | 'stuck'>> {
  readonly deployment?: Partial<NonNullable<WorkloadFacts['deployment']>> | null;
  readonly addresses?: WorkloadFacts['addresses'] | null;
  readonly rollout?: Partial<WorkloadFacts['rollout']>;
  /** `ago` in seconds. */
  readonly stuck?: readonly { readonly text: string; readonly ago: number; readonly needs?: 'node' }[];
}

interface PodCase {
  readonly runs?: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
  readonly node?: string;
  /** In seconds. */
  readonly answeredAgo?: number;
}

export interface Outcome {
  readonly conditions: Record<string, Text>;
  readonly fields?: Record<string, unknown>;
  /** In seconds. */
  readonly nextLook?: number;
  readonly programmed?: string;
}

export const NOW = Date.parse('2026-01-01T12:00:00Z');
const NAME = 'one';

export function factsOf(example: StatusCase): StatusFacts {
  const kind = example.kind ?? 'TenantRoute';
  const { generation = 2, written, writtenFields = {} } = example;
  const compiled: ResourceStatus = {
    kind,
    namespace: 'mail',
    name: NAME,
    conditions: Object.entries({ ...VALID, ...example.compiled }).map(([type, text]) => {
      return { type, ...split(text) } as CompiledCondition;
    }),
    ...example.compiledFields,
  };
  return {
    now: NOW,
    subject: {
      kind,
      namespace: 'mail',
      name: NAME,
      generation,
      status: written && { ...writtenConditions(written, generation), ...writtenFields },
    },
    compiled,
    fleet: example.fleet === null ? undefined : fleetOf(kind, example.fleet ?? {}),
    workload: kind === 'RelayFleet' ? workloadOf(example.workload) : undefined,
    nextHopRefusesUs: example.nextHopRefusesUs,
  };
}

const VALID = { Accepted: 'True Accepted: Valid.', ResolvedRefs: 'True ResolvedRefs: Every reference was found.' };

const DEPLOYMENT: NonNullable<WorkloadFacts['deployment']> = {
  available: true,
  replicas: 2,
  readyReplicas: 2,
  message: '',
  wanted: 2,
  updatedReplicas: 2,
  availableReplicas: 2,
  observed: true,
  deadlineExceeded: false,
};

const WORKLOAD: WorkloadFacts = {
  deployment: DEPLOYMENT,
  rollout: { image: 'relay:2', isApplied: true, waitsFor: undefined },
  stuck: [],
  addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
  addressExpected: true,
  selector: 'isthmus.dev/fleet=one',
  troubles: [],
  remarks: [],
  clientAddressHidden: undefined,
};

function workloadOf({ deployment, addresses, rollout, stuck = [], ...others }: WorkloadCase = {}): WorkloadFacts {
  return {
    ...WORKLOAD,
    ...others,
    deployment: deployment === null ? undefined : { ...DEPLOYMENT, ...deployment },
    addresses: addresses === null ? undefined : (addresses ?? WORKLOAD.addresses),
    rollout: { ...WORKLOAD.rollout, ...rollout },
    stuck: stuck.map(({ text, ago, needs }): Stuck => ({ text, since: NOW - ago * 1000, needs: needs ?? 'somebody' })),
  };
}

function writtenConditions(written: NonNullable<StatusCase['written']>, generation: number) {
  const observedGeneration = written.generation ?? generation;
  const conditions = Object.entries(written.conditions).map(([type, text]) => ({
    type,
    ...split(text),
    lastTransitionTime: new Date(NOW - written.ago * 1000).toISOString().replace('.000', ''),
    observedGeneration,
  }));
  return { observedGeneration, conditions: conditions as Condition[] };
}

function fleetOf(kind: Kind, example: FleetCase): FleetFacts {
  const { revision = 'r2', proven = 'r2', wanted = 'h2', pods = { a: 'r2', b: 'r2' }, failed } = example;
  const key = `${kind}/${NAME}`;
  const hashes = (hash: string | null) => new Map(hash === null ? [] : [[key, hash]]);
  const inRevision = example.inRevision ?? { r1: 'h1', [revision]: wanted };
  const all = Object.entries(pods).map(([name, pod]) => podOf(name, pod));
  return {
    namespace: 'mail',
    name: 'default',
    paused: example.paused ?? false,
    wanted: hashes(wanted),
    inRevision: new Map(Object.entries(inRevision).map(([each, hash]) => [each, hashes(hash)])),
    revision,
    proven,
    reportsSince: example.reportsSinceAgo === undefined ? undefined : NOW - example.reportsSinceAgo * 1000,
    programmed: new Map(example.programmed === undefined ? [] : [[key, example.programmed]]),
    pods: all.map(({ pod }) => pod),
    reports: new Map(all.flatMap(({ pod, report }) => (report === undefined ? [] : [[pod.uid, report]]))),
    failed: failed === undefined ? undefined : { revision: failed, reason: 'pod a refused it: route one has no host' },
    heldBack: example.heldBack,
    imageTooOld: example.imageTooOld,
  };
}

function podOf(name: string, example: string | null | PodCase): { pod: RelayPod; report: PodReport | undefined } {
  const {
    runs,
    ready = true,
    terminating = false,
    node = name,
    answeredAgo = 1,
  }: PodCase = typeof example === 'string' ? { runs: example } : (example ?? {});
  const pod: RelayPod = {
    name,
    uid: name,
    ip: '10.0.0.1',
    node,
    ready,
    terminating,
    restarts: 0,
    created: NOW,
    annotatedRevision: runs,
    waiting: undefined,
  };
  const said = { uid: name, at: NOW - answeredAgo * 1000, formats: [1], wanted: runs, running: runs };
  return { pod, report: runs === undefined ? undefined : { ...said, refused: undefined, findings: [] } };
}

function split(text: Text): { status: string; reason: string; message: string } {
  const [, status = '', reason = '', message = ''] = /^(\w+) (\w+): (.*)$/s.exec(text) ?? [];
  return { status, reason, message };
}
