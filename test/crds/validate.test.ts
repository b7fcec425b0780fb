/** Offline validation: every case gets exactly its messages, every rule has a case, and no value breaks it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type OpenApiSchema, openApiSchema } from '../../crds/openapi.ts';
import { formatProblem } from '../../crds/problem.ts';
import { KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import { RULES_KEY, type Rule } from '../../crds/v1alpha1/rules.ts';
import { validateResource } from '../../crds/validate.ts';
import { resourceCases } from './resource-cases.ts';

const invalid = resourceCases('invalid');
const valid = resourceCases('valid');

function problems(value: unknown): string[] {
  const result = validateResource(value);
  return result.ok ? [] : result.problems.map(formatProblem);
}

function resource(value: unknown) {
  const result = validateResource(value);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.resource;
}

describe('an invalid resource gets exactly the messages it must get', () => {
  test.each(invalid.map((one) => [one.file, one.title, one] as const))('%s: %s', (_file, _title, one) => {
    expect(one.expected).not.toEqual([]);
    expect(problems(one.value)).toEqual(one.expected);
  });
});

describe('a valid resource passes', () => {
  test.each(valid.map((one) => [one.file, one.title, one] as const))('%s: %s', (_file, _title, one) => {
    expect(one.expected).toEqual([]);
    expect(problems(one.value)).toEqual([]);
  });

  test.each(valid.map((one) => [one.file, one.title, one] as const))(
    '%s: %s: its defaults are those of the zod schema, and filled in once',
    (_file, _title, { value }) => {
      const filled = resource(value);
      const { spec } = filled;
      expect(SCHEMAS[filled.kind].spec.parse(spec)).toEqual(spec);
      expect(resource(filled)).toEqual(filled);
    },
  );
});

test('there are at least 150 invalid cases and some of every kind', () => {
  expect(invalid.length).toBeGreaterThanOrEqual(150);
  for (const kind of KINDS) {
    expect(invalid.filter(({ value }) => (value as { kind?: string }).kind === kind).length).toBeGreaterThan(10);
  }
});

function rulesOf(schema: OpenApiSchema): Rule[] {
  const below = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  return [...(schema[RULES_KEY] ?? []), ...below.flatMap((child) => (child === undefined ? [] : rulesOf(child)))];
}

describe('every CEL rule', () => {
  const rules = KINDS.flatMap((kind) => rulesOf(openApiSchema(kind)));
  const isTransition = ({ rule }: Rule) => rule.includes('oldSelf');

  test('refuses at least one case', () => {
    const messages = invalid.flatMap(({ expected }) => expected);
    const unproven = rules.filter((rule) => !isTransition(rule) && !messages.some((m) => m.endsWith(rule.message)));
    expect(rules.length).toBeGreaterThan(70);
    expect(unproven).toEqual([]);
  });

  test('about a change is left to the API server', () => {
    const transitions = rules.filter(isTransition).map(({ message }) => message);
    expect(transitions).toEqual([
      'loadBalancerClass cannot be changed: make a new fleet',
      'cannot be changed: make a new SharedDomain and delete this one',
    ]);
  });
});

describe('fields without a value', () => {
  const fleet = (spec: unknown) => ({
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'RelayFleet',
    metadata: { name: 'default' },
    spec,
  });

  test('count as left out, as when the API server creates an object', () => {
    expect(resource(fleet({ replicas: null, outbound: null, limits: { hops: null } }))).toEqual(resource(fleet({})));
  });

  test('that take part in an exclusion have no default: compile tells what was said from what was not', () => {
    const { spec } = resource(fleet({}));
    expect(spec).not.toHaveProperty('replicas');
    expect(spec).not.toHaveProperty('lameDuckSeconds');
  });
});

test('a list is bounded: 1000 addresses pass, 1001 do not', () => {
  const rule = (count: number) => ({
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'RewriteRule',
    metadata: { name: 'many' },
    spec: {
      sharedDomainRef: { name: 'shared' },
      tenantRouteRef: { name: 'tenant1' },
      addresses: Array.from({ length: count }, (_, index) => ({
        internal: `user${index}@tenant1.example`,
        external: `user.${index}@shared.example`,
      })),
    },
  });
  expect(problems(rule(1000))).toEqual([]);
  expect(problems(rule(1001))).toEqual(['spec.addresses: must have at most 1000 entries, not 1001']);
});

test('fields called __proto__ and constructor are unknown fields like any other', () => {
  const text =
    '{"apiVersion":"isthmus.dev/v1alpha1","kind":"RelayFleet","metadata":{"name":"x"},"spec":{"__proto__":{}}}';
  expect(problems(JSON.parse(text))[0]).toMatch(/^spec\.__proto__: unknown field/);
  expect(problems(JSON.parse(text.replaceAll('__proto__', 'constructor')))[0]).toMatch(/^spec\.constructor: unknown/);
  const metadata = text.replace('"name":"x"', '"name":"x","constructor":null').replace('"__proto__":{}', '');
  expect(problems(JSON.parse(metadata))).toEqual([expect.stringMatching(/^metadata\.constructor: unknown field/)]);
});

/** Every node of a value replaced in turn by something else. */
function replaceOne(value: unknown, at: number, by: unknown): unknown {
  let count = 0;
  const visit = (node: unknown): unknown => {
    if (count++ === at) return by;
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, visit(child)]));
  };
  return visit(value);
}

describe('whatever is written', () => {
  test('gets an answer: any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(validateResource(value).ok).toBe(false);
      }),
    );
  });

  test('gets an answer: a valid resource with one value replaced by any JSON value', () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.nat(80), fc.jsonValue({ maxDepth: 2 }), ({ value }, at, by) => {
        const result = validateResource(replaceOne(value, at, by));
        expect(result.ok || result.problems.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
