/** A fleet that rollout can be played against: pods that obey, are slow, refuse, crash, hang, vanish and join. */

import { revisionFor, type Manifest } from '../../../relay/core/manifest.ts';
import { decide, emptyMemory } from '../../../operator/rollout/decide.ts';
import type { RolloutDecision, RolloutFacts, RolloutMemory } from '../../../operator/rollout/decision.ts';
import type { PodReport, RelayPod } from '../../../operator/rollout/pods.ts';

/** What a revision does to the pod that runs it; its name begins with it. */
export type Nature = 'good' | 'refused' | 'crashing' | 'hanging' | 'unready';

export function natureOf(revision: string): Nature {
  return revision.split('-')[0] as Nature;
}

/** How far a leader gets before it fails; `whole` is all. */
export type Reach = 'whole' | 'nothing' | 'manifest' | 'firstPod';

export interface SimulatedPod {
  readonly name: string;
  readonly uid: string;
  readonly created: number;
  annotation: string | undefined;
  /** What its kubelet has shown it. */
  volume: { manifest: Manifest | undefined; annotation: string | undefined } | undefined;
  running: string | undefined;
  refused: string | undefined;
  state: 'starting' | 'serving' | 'unready' | 'hanging' | 'dead';
  /** What the API server says, which learns of a dead node or a hanging process late. */
  ready: boolean;
  terminating: boolean;
  restarts: number;
  /** The kubelet was told to look. */
  stirred: boolean;
  /** So many times it will not hear that. */
  deaf: number;
  /** Nothing reaches its /status. */
  mute: boolean;
  wasMute: boolean;
}

const PIECES = [{ slot: '00', key: '0'.repeat(64) }];

export class SimulatedFleet {
  now = 1_000_000;
  manifest: Manifest | undefined;
  desired: string | undefined;
  pods: SimulatedPod[] = [];
  memory: RolloutMemory = emptyMemory(this.now);
  reports = new Map<string, PodReport>();
  /** Revisions that have been proven at some time. */
  readonly proven = new Set<string>();
  readonly laws: ((facts: RolloutFacts, decision: RolloutDecision) => void)[] = [];
  #made = 0;

  revision(state: 'proven' | 'candidate'): string | undefined {
    return this.manifest?.revisions.find((each) => each.state === state)?.revision;
  }

  join(): void {
    this.#made += 1;
    const pod: SimulatedPod = {
      name: `pod-${this.#made}`,
      uid: `uid-${this.#made}`,
      created: this.now,
      annotation: undefined,
      volume: undefined,
      running: undefined,
      refused: undefined,
      state: 'starting',
      ready: false,
      terminating: false,
      restarts: 0,
      stirred: true,
      deaf: 0,
      mute: false,
      wasMute: false,
    };
    this.pods.push(pod);
  }

  /** The kubelet refreshes the volume, and the pod reads it. */
  sync(pod: SimulatedPod): void {
    if (pod.state === 'dead') return;
    pod.stirred = false;
    pod.volume = { manifest: this.manifest, annotation: pod.annotation };
    if (pod.state !== 'hanging') this.#apply(pod);
  }

  /** The process dies and starts again, as the kubelet has it. */
  restart(pod: SimulatedPod): void {
    if (pod.state === 'dead' || pod.state === 'starting') return;
    pod.restarts += 1;
    pod.running = undefined;
    pod.refused = undefined;
    pod.state = 'starting';
    pod.ready = false;
  }

  /** The node dies; the API server does not know it yet. */
  die(pod: SimulatedPod): void {
    pod.state = 'dead';
  }

  /** Readiness, as probes and the node's controller find it. */
  notice(pod: SimulatedPod): void {
    pod.ready = pod.state === 'serving';
  }

  remove(pod: SimulatedPod): void {
    this.pods = this.pods.filter((other) => other !== pod);
  }

  killLeader(): void {
    this.memory = emptyMemory(this.now);
    this.reports = new Map();
  }

  look(reach: Reach = 'whole', forgetful = false): RolloutDecision {
    this.#ask();
    const facts: RolloutFacts = {
      now: this.now,
      manifest: this.manifest,
      desired: this.desired,
      pods: this.pods.map(asRelayPod),
      reports: this.reports,
      memory: this.memory,
    };
    const decision = decide(facts);
    for (const law of this.laws) law(facts, decision);
    this.#execute(decision, reach);
    if (!forgetful || reach === 'whole') this.memory = decision.memory;
    return decision;
  }

  #ask(): void {
    for (const pod of this.pods) {
      if (pod.mute || pod.state === 'dead' || pod.state === 'hanging' || pod.volume === undefined) continue;
      this.reports.set(pod.uid, {
        uid: pod.uid,
        at: this.now,
        formats: [1],
        wanted: pod.volume.annotation,
        running: pod.running,
        refused: pod.refused === undefined ? undefined : { revision: pod.refused, reason: 'it is poisonous' },
        findings: [],
      });
    }
  }

  #execute(decision: RolloutDecision, reach: Reach): void {
    if (reach === 'nothing') return;
    this.#write(decision);
    if (reach === 'manifest') return;
    for (const [name, revision] of decision.annotate) {
      const pod = this.pods.find((each) => each.name === name);
      if (pod !== undefined) {
        pod.annotation = revision;
        stir(pod);
      }
      if (reach === 'firstPod') return;
    }
    for (const pod of this.pods) if (decision.touch.includes(pod.name)) stir(pod);
  }

  #write({ manifest: action }: RolloutDecision): void {
    const [proven, candidate] = [this.revision('proven'), this.revision('candidate')];
    const listed = (revision: string | undefined, state: 'proven' | 'candidate') =>
      revision === undefined ? [] : [{ revision, state, pieces: PIECES }];
    const write = (revisions: Manifest['revisions']) => {
      this.manifest = { format: 1, revisions, memory: [] };
      this.proven.add(this.revision('proven') as string);
    };
    switch (action) {
      case 'keep':
        return;
      case 'publishProven':
        return write(listed(this.desired, 'proven'));
      case 'publishCandidate':
        return write([...listed(proven, 'proven'), ...listed(this.desired, 'candidate')]);
      case 'promote':
        return write(listed(candidate, 'proven'));
      case 'withdraw':
        return write(listed(proven, 'proven'));
    }
  }

  #apply(pod: SimulatedPod): void {
    const { manifest, annotation } = pod.volume as NonNullable<SimulatedPod['volume']>;
    const revision = manifest && revisionFor(manifest, annotation)?.revision;
    if (revision === undefined || revision === pod.running) return;
    switch (natureOf(revision)) {
      case 'good':
        pod.running = revision;
        pod.refused = undefined;
        pod.state = 'serving';
        pod.ready = true;
        return;
      case 'refused':
        pod.refused = revision;
        return;
      case 'crashing':
        // Its next start reads the volume as it is then.
        if (pod.state !== 'starting') this.restart(pod);
        else pod.restarts += 1;
        return;
      case 'hanging':
        pod.state = 'hanging';
        return;
      case 'unready':
        pod.running = revision;
        pod.state = 'unready';
        pod.ready = false;
    }
  }
}

function stir(pod: SimulatedPod): void {
  if (pod.deaf > 0) pod.deaf -= 1;
  else pod.stirred = true;
}

function asRelayPod(pod: SimulatedPod): RelayPod {
  return {
    name: pod.name,
    uid: pod.uid,
    ip: pod.volume === undefined ? undefined : '10.0.0.1',
    node: 'node-1',
    ready: pod.ready,
    terminating: pod.terminating,
    restarts: pod.restarts,
    created: pod.created,
    annotatedRevision: pod.annotation,
    waiting: undefined,
  };
}
