/** Plays test/cases/rollout/scripts.yaml: look by look, what rollout decides. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { decide, emptyMemory } from '../../../operator/rollout/decide.ts';
import type { RolloutDecision, RolloutMemory } from '../../../operator/rollout/decision.ts';
import type { PodReport, RelayPod } from '../../../operator/rollout/pods.ts';
import type { Manifest } from '../../../relay/core/manifest.ts';

interface ScriptedPod {
  readonly ready?: boolean;
  /** Of its own /status. */
  readonly runs?: string;
  readonly refuses?: string | null;
  /** Its annotation, as it sees it; not named: as it is. */
  readonly says?: string;
  readonly told?: string;
  /** In seconds, at the first look. */
  readonly age?: number;
  readonly restarts?: number;
  readonly terminating?: boolean;
  /** Without a node. */
  readonly pending?: boolean;
  readonly waiting?: string;
  /** Does not answer. */
  readonly mute?: boolean;
  readonly gone?: boolean;
}

interface Expected {
  readonly manifest: RolloutDecision['manifest'];
  readonly annotate?: Record<string, string>;
  readonly touch?: string[];
  readonly prune?: boolean;
  readonly failed?: string | null;
  /** In seconds. */
  readonly next?: number;
}

interface Look {
  readonly at: number;
  /** It cannot be carried out. */
  readonly lost?: boolean;
  readonly desired?: string | null;
  readonly pods?: Record<string, ScriptedPod>;
  readonly expect: Expected;
}

interface Script {
  readonly name: string;
  readonly stored?: { readonly proven: string; readonly candidate?: string };
  readonly looks: readonly Look[];
}

const START = Date.parse('2026-01-01T00:00:00Z');
const CASES = new URL('../../cases/rollout/scripts.yaml', import.meta.url);
const scripts = parse(readFileSync(CASES, 'utf8')) as Script[];

describe('rollout', () => {
  it.each(scripts)('$name', (script) => {
    const stage = new Stage(script);
    for (const look of script.looks) expect(stage.play(look), `at ${look.at}`).toEqual(look.expect);
  });
});

class Stage {
  #manifest: Manifest | undefined;
  #memory: RolloutMemory = emptyMemory(START);
  #desired: string | undefined;
  readonly #pods = new Map<string, ScriptedPod>();
  readonly #reports = new Map<string, PodReport>();

  constructor({ stored }: Script) {
    if (stored === undefined) return;
    const { proven, candidate } = stored;
    this.#list(proven, candidate);
  }

  /** What was decided of that which the script speaks of. */
  play({ at, lost = false, desired, pods = {}, expect: expected }: Look): Expected {
    if (desired !== undefined) this.#desired = desired ?? undefined;
    for (const [name, changes] of Object.entries(pods)) this.#pods.set(name, { ...this.#pods.get(name), ...changes });
    for (const [name, { gone }] of this.#pods) if (gone === true) this.#pods.delete(name);
    const now = START + at * 1000;
    for (const [name, pod] of this.#pods) if (pod.mute !== true) this.#reports.set(name, report(name, pod, now));
    const decision = decide({
      now,
      manifest: this.#manifest,
      desired: this.#desired,
      pods: [...this.#pods].map(([name, pod]) => relayPod(name, pod)),
      reports: this.#reports,
      memory: this.#memory,
    });
    this.#memory = decision.memory;
    if (!lost) this.#carryOut(decision);
    return asExpected(decision, expected);
  }

  #carryOut({ manifest, annotate }: RolloutDecision): void {
    const [proven, candidate] = (['proven', 'candidate'] as const).map(
      (state) => this.#manifest?.revisions.find((each) => each.state === state)?.revision,
    );
    if (manifest === 'publishProven') this.#list(this.#desired as string);
    if (manifest === 'publishCandidate') this.#list(proven as string, this.#desired);
    if (manifest === 'promote') this.#list(candidate as string);
    if (manifest === 'withdraw') this.#list(proven as string);
    for (const [name, told] of annotate) this.#pods.set(name, { ...this.#pods.get(name), told });
  }

  #list(proven: string, candidate?: string): void {
    const revisions: Manifest['revisions'] = [{ revision: proven, state: 'proven', pieces: [] }];
    if (candidate !== undefined) revisions.push({ revision: candidate, state: 'candidate', pieces: [] });
    this.#manifest = { format: 1, revisions, memory: [] };
  }
}

/** The part of the decision that the script speaks of. */
function asExpected(decision: RolloutDecision, expected: Expected): Expected {
  const { manifest, annotate, touch, prune, memory, lookAgainMs } = decision;
  const whole: Required<Expected> = {
    manifest,
    annotate: Object.fromEntries(annotate),
    touch: [...touch],
    prune,
    failed: memory.failed?.reason ?? null,
    next: lookAgainMs / 1000,
  };
  const spoken = Object.entries(whole).filter(([key]) => key in expected);
  return Object.fromEntries(spoken) as unknown as Expected;
}

function relayPod(name: string, pod: ScriptedPod): RelayPod {
  const isPending = pod.pending === true;
  return {
    name,
    uid: name,
    ip: isPending ? undefined : '10.0.0.1',
    node: isPending ? undefined : 'node-1',
    ready: !isPending && (pod.ready ?? true),
    terminating: pod.terminating ?? false,
    restarts: pod.restarts ?? 0,
    created: START - (pod.age ?? 1000) * 1000,
    annotatedRevision: pod.told,
    waiting: pod.waiting,
  };
}

function report(uid: string, pod: ScriptedPod, at: number): PodReport {
  return {
    uid,
    at,
    formats: [1],
    wanted: pod.says ?? pod.told,
    running: pod.runs,
    refused: pod.refuses == null ? undefined : { revision: pod.refuses, reason: 'bad' },
    findings: [],
  };
}
