/**
 * Rollout against fleets where anything can happen at any moment: what must never happen does not, and what must happen
 * does once things have calmed down.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RolloutDecision, RolloutFacts } from '../../../operator/rollout/decision.ts';
import { natureOf, type Reach, SimulatedFleet, type SimulatedPod } from './simulated-fleet.ts';

interface Step {
  /** For whoever reads a counterexample. */
  readonly says: string;
  readonly act: (fleet: SimulatedFleet) => void;
}

const REVISIONS = ['good-1', 'good-2', 'good-3', 'refused-1', 'crashing-1', 'hanging-1', 'unready-1'];
/** At the end; none that chance may have let fail before, as a pod that restarts by itself does. */
const WANTED = ['good-0', 'good-9', 'refused-9', 'crashing-9', 'hanging-9', 'unready-9'];
const REACHES: Reach[] = ['nothing', 'manifest', 'firstPod'];
/** Looks that a calm fleet may need: two hanging pods at 10 s each, a slow one for two minutes, all at 250 ms. */
const LOOKS = 2000;

type Often = fc.WeightedArbitrary<Step>;

function always(weight: number, says: string, act: Step['act']): Often {
  return { weight, arbitrary: fc.constant({ says, act }) };
}

function withAny<T>(
  weight: number,
  values: readonly T[],
  says: string,
  act: (fleet: SimulatedFleet, value: T) => void,
): Often {
  const arbitrary = fc.constantFrom(...values).map((value) => ({
    says: `${says} ${value}`,
    act: (fleet: SimulatedFleet) => act(fleet, value),
  }));
  return { weight, arbitrary };
}

function toSomePod(weight: number, says: string, act: (pod: SimulatedPod, fleet: SimulatedFleet) => void): Often {
  return withAny(weight, [0, 1, 2, 3, 4, 5, 6], `pod: ${says}`, (fleet, at) => {
    const pod = fleet.pods[at % Math.max(1, fleet.pods.length)];
    if (pod !== undefined) act(pod, fleet);
  });
}

const step = fc.oneof(
  always(12, 'look', (fleet) => fleet.look()),
  withAny(2, REACHES, 'fail at look after', (fleet, reach) => fleet.look(reach)),
  withAny(1, REACHES, 'fail and forget at look after', (fleet, reach) => fleet.look(reach, true)),
  always(1, 'another leader', (fleet) => fleet.killLeader()),
  withAny(3, [...REVISIONS, undefined], 'want', (fleet, revision) => {
    fleet.desired = revision;
  }),
  withAny(6, [250, 2000, 11_000, 40_000, 130_000], 'time passes', (fleet, ms) => {
    fleet.now += ms;
  }),
  toSomePod(10, 'volume refreshed', (pod, fleet) => fleet.sync(pod)),
  toSomePod(4, 'readiness seen', (pod, fleet) => fleet.notice(pod)),
  toSomePod(1, 'restarts', (pod, fleet) => fleet.restart(pod)),
  toSomePod(1, 'its node dies', (pod, fleet) => fleet.die(pod)),
  toSomePod(1, 'removed', (pod, fleet) => fleet.remove(pod)),
  toSomePod(1, 'terminating', (pod) => {
    pod.terminating = true;
  }),
  toSomePod(1, 'deaf to one touch', (pod) => {
    pod.deaf = 1;
  }),
  toSomePod(1, 'deaf to eight touches', (pod) => {
    pod.deaf = 8;
  }),
  toSomePod(2, 'answers, or does not any more', (pod) => {
    pod.mute = !pod.mute;
    pod.wasMute = true;
  }),
  always(2, 'a pod joins', (fleet) => fleet.join()),
);

interface Scene {
  readonly pods: number;
  readonly steps: readonly Step[];
  readonly wanted: string;
  readonly lazy: boolean;
}

const scene: fc.Arbitrary<Scene> = fc.record({
  pods: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(step, { minLength: 10, maxLength: 150, size: 'max' }),
  wanted: fc.constantFrom(...WANTED),
  /** Kubelets look only when they are told. */
  lazy: fc.boolean(),
});

describe('rollout against a fleet where anything happens', () => {
  it('keeps its laws at every step, and ends with every pod on what is wanted, or on what was proven', () => {
    fc.assert(fc.property(scene, play), { numRuns: 600 });
  });
});

function play({ pods, steps, wanted, lazy }: Scene): void {
  const fleet = new SimulatedFleet();
  fleet.laws.push(manifestLaw, promotionLaw, failedLaw, pruneLaw(fleet), () => oneTries(fleet));
  fleet.desired = 'good-0';
  for (let count = 0; count < pods; count++) fleet.join();
  calm(fleet, lazy);
  expect(fleet.revision('proven')).toBe('good-0');
  for (const { act } of steps) {
    act(fleet);
    oneTries(fleet);
  }
  fleet.desired = wanted;
  if (fleet.pods.every(({ terminating, state }) => terminating || state === 'dead')) fleet.join();
  calm(fleet, lazy);
  const proven = fleet.revision('proven') as string;
  expect(fleet.revision('candidate')).toBeUndefined();
  // A poisonous one that became proven while nobody served is what everybody is told to run.
  if (natureOf(wanted) === 'good') expect(proven).toBe(wanted);
  if (natureOf(proven) !== 'good') return;
  expect(fleet.pods.map(({ running }) => running)).toEqual(fleet.pods.map(() => proven));
  expect(fleet.pods.map(({ ready }) => ready)).toEqual(fleet.pods.map(() => true));
}

/** Dead and terminating pods go, kubelets and probes work, and the leader looks when it said that it would. */
function calm(fleet: SimulatedFleet, lazy: boolean): void {
  const isOver = () =>
    fleet.revision('candidate') === undefined &&
    (fleet.revision('proven') === fleet.desired || fleet.memory.failed?.revision === fleet.desired) &&
    fleet.pods.every(({ running, ready }) => ready && running === fleet.revision('proven'));
  for (let looks = 0; looks < LOOKS && !isOver(); looks++) {
    for (const each of fleet.pods.filter(({ state, terminating }) => terminating || state === 'dead')) {
      fleet.remove(each);
      fleet.join();
    }
    for (const each of fleet.pods) {
      each.mute = false;
      // The kubelet restarts what hangs.
      if (each.state === 'hanging' && !each.ready) fleet.restart(each);
      const starts = each.state === 'starting' && each.volume !== undefined;
      if (each.stirred || starts || !lazy) fleet.sync(each);
      fleet.notice(each);
      oneTries(fleet);
    }
    fleet.now += fleet.look().lookAgainMs;
  }
}

function manifestLaw({ manifest, desired }: RolloutFacts, decision: RolloutDecision): void {
  const states = manifest?.revisions.map(({ state }) => state) ?? [];
  switch (decision.manifest) {
    case 'publishCandidate':
      // Never two candidates, and one is one only beside a proven revision.
      expect(states).toEqual(['proven']);
      expect(desired).toBeDefined();
      break;
    case 'publishProven':
      expect(states).not.toContain('candidate');
      expect(desired).toBeDefined();
      break;
    case 'promote':
    case 'withdraw':
      expect(states.toSorted()).toEqual(['candidate', 'proven']);
      break;
    case 'keep':
      break;
  }
}

/** Nothing becomes proven that no pod runs, unless there is no service that it could break. */
function promotionLaw({ manifest, pods, reports }: RolloutFacts, decision: RolloutDecision): void {
  if (manifest === undefined || (decision.manifest !== 'promote' && decision.manifest !== 'publishProven')) return;
  const serving = pods.filter(({ ready, terminating }) => ready && !terminating);
  const candidate = manifest.revisions.find(({ state }) => state === 'candidate')?.revision;
  const proof = serving.some(({ uid }) => candidate !== undefined && reports.get(uid)?.running === candidate);
  expect(proof || serving.length === 0).toBe(true);
}

function failedLaw({ desired, memory }: RolloutFacts, decision: RolloutDecision): void {
  const failed = memory.failed?.revision;
  if (failed === undefined || failed !== desired) return;
  expect(['publishCandidate', 'publishProven', 'promote']).not.toContain(decision.manifest);
}

/** Before ten minutes are over, pieces go only when every pod that serves, and answers, has left them behind. */
function pruneLaw(fleet: SimulatedFleet) {
  return ({ manifest, memory, now }: RolloutFacts, decision: RolloutDecision): void => {
    if (!decision.prune || now >= (memory.proven?.since ?? now) + 600_000) return;
    const listed = manifest?.revisions.map(({ revision }) => revision) ?? [];
    const behind = fleet.pods
      .filter(({ ready, terminating, state, wasMute }) => ready && !terminating && state === 'serving' && !wasMute)
      .filter(({ running }) => !listed.includes(running ?? ''))
      .map(({ name, running }) => `${name} runs ${running}`);
    expect(behind).toEqual([]);
  };
}

/** No pod but one is told to run the candidate, or serves with it; of a pod that does not answer nobody knows what it runs. */
function oneTries(fleet: SimulatedFleet): void {
  const candidate = fleet.revision('candidate');
  if (candidate === undefined || fleet.proven.has(candidate)) return;
  const alive = fleet.pods.filter(({ terminating, state }) => !terminating && state !== 'dead');
  expect(alive.filter(({ annotation }) => annotation === candidate).length).toBeLessThanOrEqual(1);
  const trying = alive.filter(({ running, ready, wasMute }) => running === candidate && ready && !wasMute);
  expect(trying.length).toBeLessThanOrEqual(1);
}
