/** What compile remembers makes it quicker and changes nothing: step by step it comes to what a fresh one comes to. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import type { CompileInput, LookupResult, Resource } from '../../../operator/compile/input.ts';
import { CompileMemory } from '../../../operator/compile/memory.ts';
import { inputOf, rewriteRule, sharedDomain, table, tenantRoute, type World, world } from './universe.ts';

type Step =
  | { readonly type: 'apply'; readonly resource: Resource }
  | { readonly type: 'remove'; readonly at: number }
  | { readonly type: 'fail'; readonly at: number }
  | { readonly type: 'table'; readonly name: string; readonly found: LookupResult }
  /** What was compiled last is in force from now on. */
  | { readonly type: 'proven' }
  | { readonly type: 'wait' };

const HALF_A_DAY_MS = 43_200_000;

const at = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .oneof({ weight: 4, arbitrary: rewriteRule }, { weight: 2, arbitrary: tenantRoute }, sharedDomain)
      .map((resource) => ({ type: 'apply' as const, resource })),
  },
  { weight: 2, arbitrary: at.map((each) => ({ type: 'remove' as const, at: each })) },
  { weight: 1, arbitrary: at.map((each) => ({ type: 'fail' as const, at: each })) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('table' as const), name: fc.constantFrom('good', 'mixed'), found: table }),
  },
  { weight: 3, arbitrary: fc.constant({ type: 'proven' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'wait' as const }) },
);

const keyOf = ({ kind, metadata }: Resource) => `${kind} ${metadata.name}`;

function applyStep(each: Exclude<Step, { type: 'proven' }>, input: CompileInput, before: World): [CompileInput, World] {
  const { resources, tables } = before;
  switch (each.type) {
    case 'apply': {
      const others = resources.filter((one) => keyOf(one) !== keyOf(each.resource));
      const key = keyOf(each.resource);
      const invalid = input.invalid?.filter(({ kind, name }) => `${kind} ${name}` !== key);
      return [
        { ...input, invalid },
        { tables, resources: [...others, each.resource] },
      ];
    }
    case 'remove':
      return [input, { tables, resources: resources.filter((one, index) => index !== each.at || isFleet(one)) }];
    case 'fail': {
      const failing = resources[each.at];
      if (failing === undefined || isFleet(failing)) return [input, before];
      const { kind, metadata, spec } = failing;
      const broken = { kind, namespace: metadata.namespace ?? '', name: metadata.name, spec, problems: ['it is bad'] };
      return [
        { ...input, invalid: [...(input.invalid ?? []), broken] },
        { tables, resources: resources.filter((one) => one !== failing) },
      ];
    }
    case 'table':
      return [input, { resources, tables: { ...tables, [each.name]: each.found } }];
    case 'wait':
      return [{ ...input, now: input.now + HALF_A_DAY_MS }, before];
  }
}

const isFleet = ({ kind }: Resource) => kind === 'RelayFleet';

describe('compile with a memory', () => {
  it('comes to what it comes to without one, whatever changes', () => {
    const run = fc.record({ first: world, steps: fc.array(step, { minLength: 1, maxLength: 12 }) });
    fc.assert(
      fc.property(run, ({ first, steps }) => {
        const memory = new CompileMemory();
        let current = first;
        let input = inputOf(first);
        let last = compile(input, memory);
        expect(last).toEqual(compile(input));
        for (const each of steps) {
          if (each.type === 'proven') input = { ...input, running: last.fleets, tombstones: last.tombstones };
          else [input, current] = applyStep(each, input, current);
          input = inputOf(current, { ...input, resources: current.resources, configMaps: inputOf(current).configMaps });
          last = compile(input, memory);
          expect(last).toEqual(compile(input));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('keeps the very same rules of a configuration while nothing of them changes', () => {
    fc.assert(
      fc.property(world, (each) => {
        const memory = new CompileMemory();
        const input = inputOf(each);
        const before = compile(input, memory).fleets[0];
        const after = compile({ ...input, running: before && [before] }, memory).fleets[0];
        for (const [index, rule] of (before?.config.rewriteRules ?? []).entries()) {
          expect(after?.config.rewriteRules[index]).toBe(rule);
        }
      }),
    );
  });
});
