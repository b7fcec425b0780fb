/** Whatever the facts are, the status is one that the CRD takes, and writing it once is enough. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONDITION_TYPES, type Condition, REASONS } from '../../../crds/v1alpha1/conditions.ts';
import { type Kind, KINDS, SCHEMAS } from '../../../crds/v1alpha1/kinds.ts';
import { equalStatus } from '../../../operator/status/equal.ts';
import type { StatusFacts } from '../../../operator/status/facts.ts';
import { statusOf } from '../../../operator/status/status.ts';
import { factsOf, type StatusCase } from './case.ts';

const message = fc.oneof(fc.string({ maxLength: 40 }), fc.constant('x'.repeat(33_000)));
const hash = fc.constantFrom('h1', 'h2', 'h3', null);
const revision = fc.constantFrom('r1', 'r2', 'r3');

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

function condition(status: readonly string[], reasons: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...status), fc.constantFrom(...reasons), message)
    .map(([value, reason, text]) => `${value} ${reason}: ${text}`);
}

const compiled = fc.record(
  {
    Accepted: condition(['True', 'False'], REASONS.Accepted),
    ResolvedRefs: condition(['True', 'False', 'Unknown'], REASONS.ResolvedRefs),
    Conflicted: condition(['True'], REASONS.Conflicted),
    PartiallyInvalid: condition(['True'], REASONS.PartiallyInvalid),
  },
  { requiredKeys: [] },
);

const pod = fc.record({
  runs: revision,
  ready: fc.boolean(),
  terminating: fc.boolean(),
  answeredAgo: fc.constantFrom(0, 5, 60),
});

const fleet = fc.record({
  wanted: hash,
  inRevision: fc.dictionary(revision, hash),
  proven: revision,
  revision,
  pods: fc.dictionary(fc.constantFrom('a', 'b', 'c'), pod),
  paused: fc.boolean(),
  failed: maybe(revision),
  heldBack: maybe(message),
  imageTooOld: maybe(message),
  programmed: maybe(fc.constantFrom('h1', 'h2')),
});

const workload = fc.record({
  deployment: maybe(
    fc.record({
      available: fc.boolean(),
      replicas: fc.nat(2),
      readyReplicas: fc.nat(9),
      message: fc.string(),
      wanted: fc.nat(2),
      updatedReplicas: fc.nat(2),
      availableReplicas: fc.nat(2),
      observed: fc.boolean(),
      deadlineExceeded: fc.boolean(),
    }),
  ),
  addresses: maybe(fc.array(fc.constant({ type: 'IPAddress' as const, value: '192.0.2.1' }), { maxLength: 40 })),
  addressExpected: fc.boolean(),
  rollout: fc.record({
    image: fc.constantFrom('relay:1', 'relay:2'),
    isApplied: fc.boolean(),
    waitsFor: maybe(fc.constant('relay:3')),
  }),
  stuck: fc.array(
    fc.record(
      { text: message, ago: fc.nat(1000), needs: maybe(fc.constant('node' as const)) },
      { requiredKeys: ['text', 'ago'] },
    ),
    { maxLength: 3 },
  ),
  troubles: fc.array(message, { maxLength: 3 }),
  remarks: fc.array(message, { maxLength: 3 }),
  clientAddressHidden: maybe(message),
});

const factsOfKinds = (...kinds: readonly Kind[]): fc.Arbitrary<StatusFacts> =>
  fc
    .record({
      kind: fc.constantFrom(...kinds),
      generation: fc.nat(5),
      compiled,
      compiledFields: fc.record({ entries: fc.nat(9), tenantCount: fc.nat(9) }),
      fleet: fc.option(fleet),
      workload,
      nextHopRefusesUs: maybe(message),
    })
    .map((example) => factsOf({ name: '', expect: { conditions: {} }, ...example } as StatusCase));

const facts = factsOfKinds(...KINDS);

function conditionsOf({ status }: { readonly status: { readonly conditions?: readonly Condition[] } }) {
  return status.conditions ?? [];
}

describe('statusOf, whatever the facts', () => {
  it('gives a status that the CRD takes, and that is enough to write once', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const result = statusOf(given);
        expect(SCHEMAS[given.subject.kind].status.parse(result.status)).toEqual(result.status);
        const written = JSON.parse(JSON.stringify(result.status)) as typeof result.status;
        const again = statusOf({ ...given, now: given.now + 1000, subject: { ...given.subject, status: written } });
        expect(conditionsOf(again)).toEqual(conditionsOf(result));
        expect(again.changed).toBe(false);
      }),
    );
  });

  it('has each type once, of those that the kind has, and every message says something', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const conditions = conditionsOf(statusOf(given));
        const types = conditions.map(({ type }) => type);
        expect(new Set(types).size).toBe(types.length);
        expect(CONDITION_TYPES[given.subject.kind]).toEqual(expect.arrayContaining(types));
        expect(conditions.map(({ observedGeneration }) => observedGeneration)).toEqual(
          types.map(() => given.subject.generation),
        );
        const own = conditions.filter(({ type }) => type === 'Programmed');
        expect(own.map((each) => each.message.length > 0)).toEqual([true]);
      }),
    );
  });

  it('is Ready and rolled out, or else either reconciles or has stalled, for the reason that one of them gives', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const conditions = conditionsOf(statusOf(given));
        const ready = conditions.find(({ type }) => type === 'Ready');
        const rollout = conditions.find(({ type }) => type === 'RolledOut');
        const others = conditions.filter(({ type }) => type === 'Reconciling' || type === 'Stalled');
        const causes = [
          ...(ready?.status === 'True' ? [] : [ready?.reason]),
          ...(rollout?.status === 'False' ? [rollout.reason] : []),
        ];
        expect(others.map(({ status }) => status)).toEqual(causes.length === 0 ? [] : ['True']);
        for (const { reason } of others) expect(causes).toContain(reason);
        const good = ['Accepted', 'ResolvedRefs', 'Programmed'].every(
          (type) => conditions.find((each) => each.type === type)?.status === 'True',
        );
        if (ready?.status === 'True') expect(good).toBe(true);
      }),
    );
  });

  it('names an image only while every relay that is asked for is there, available and of the template that is wanted', () => {
    fc.assert(
      fc.property(factsOfKinds('RelayFleet'), (given) => {
        const { status } = statusOf(given);
        const rollout = status.conditions?.find(({ type }) => type === 'RolledOut');
        const isOut = rollout?.status === 'True';
        expect(status['image']).toBe(isOut ? given.workload?.rollout.image : undefined);
        if (!isOut) return;
        const { wanted, replicas, updatedReplicas, availableReplicas, observed } = given.workload?.deployment ?? {};
        expect({ observed, ...given.workload?.rollout }).toMatchObject({ observed: true, isApplied: true });
        expect([
          replicas,
          Math.min(updatedReplicas ?? 0, wanted ?? 0),
          Math.min(availableReplicas ?? 0, wanted ?? 0),
        ]).toEqual([wanted, wanted, wanted]);
      }),
      { numRuns: 3000 },
    );
  });

  it('moves lastTransitionTime only with a status', () => {
    fc.assert(
      fc.property(facts, facts, (first, second) => {
        const before = statusOf(first).status;
        const later = { ...second, now: first.now + 60_000, subject: { ...second.subject, status: before } };
        for (const { type, status, lastTransitionTime } of conditionsOf(statusOf(later))) {
          const known = before.conditions?.find((each) => each.type === type);
          const stays = known?.status === status;
          expect(lastTransitionTime === known?.lastTransitionTime).toBe(stays);
        }
      }),
    );
  });
});

describe('equalStatus', () => {
  const status = {
    a: 1,
    conditions: [
      { type: 'A', reason: 'x' },
      { type: 'B', reason: 'y' },
    ],
    list: [1, 2],
  };

  it.each([
    ['the same', status, true],
    ['conditions in another order', { ...status, conditions: status.conditions.toReversed() }, true],
    ['a field that is undefined', { ...status, b: undefined }, true],
    ['a list in another order', { ...status, list: [2, 1] }, false],
    ['a field more', { ...status, b: 1 }, false],
    ['a field less', { conditions: status.conditions, list: status.list }, false],
    ['a condition less', { ...status, conditions: status.conditions.slice(1) }, false],
    ['another condition', { ...status, conditions: [status.conditions[0], { type: 'B', reason: 'z' }] }, false],
    ['nothing', undefined, false],
    ['a list instead of fields', [], false],
  ])('compares with %s', (_, other, expected) => {
    expect(equalStatus(status, other)).toBe(expected);
    expect(equalStatus(other, status)).toBe(expected);
  });
});
