/** The committed CRDs fit the schemas, say what every field means, and hold nothing the API server would refuse. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { definition } from '../../crds/definition.ts';
import { generated, staleFiles, writeStale } from '../../crds/generate.ts';
import { type OpenApiSchema, openApiSchema, structuralSchema } from '../../crds/openapi.ts';
import { KINDS } from '../../crds/v1alpha1/kinds.ts';

const root = join(import.meta.dirname, '..', '..');

test('the committed CRDs are fresh', () => {
  const run = spawnSync(process.execPath, [join(root, 'crds/generate.ts'), '--check'], { encoding: 'utf8' });
  expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' });
});

describe('in another folder', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'isthmus-crds-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('everything is written once', () => {
    expect(writeStale(root)).toEqual([...generated().keys()]);
    expect(staleFiles(root)).toEqual([]);
    expect(writeStale(root)).toEqual([]);
  });

  test('a changed, a missing and a foreign file are named and put right', () => {
    writeStale(root);
    writeFileSync(join(root, 'crds/generated/relayfleets.yaml'), 'edited by hand');
    rmSync(join(root, 'docs/reference.md'));
    writeFileSync(join(root, 'crds/generated/mailboxes.yaml'), '');
    const stale = ['crds/generated/relayfleets.yaml', 'docs/reference.md', 'crds/generated/mailboxes.yaml'];
    expect(staleFiles(root)).toEqual(stale);
    expect(writeStale(root)).toEqual(stale);
    expect(staleFiles(root)).toEqual([]);
  });
});

test('the reference names every field of every kind', () => {
  const text = generated().get('docs/reference.md') ?? '';
  const fields = (schema: OpenApiSchema): string[] =>
    Object.entries({ ...schema.properties, ...schema.items?.properties }).flatMap(([name, child]) => [
      name,
      ...fields(child),
    ]);
  const named = KINDS.flatMap((kind) => fields(openApiSchema(kind).properties?.spec ?? {}));
  expect(named.length).toBeGreaterThan(150);
  expect(named.filter((name) => !new RegExp(`[\`.]${name}(\\[\\]|\\{\\})?\``).test(text))).toEqual([]);
});

function undescribed(schema: OpenApiSchema, path: string): string[] {
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => [
    ...(child.description === undefined ? [`${path}.${name}`] : []),
    ...undescribed(child, `${path}.${name}`),
  ]);
  return schema.items === undefined ? children : [...children, ...undescribed(schema.items, `${path}[]`)];
}

describe.each(KINDS)('%s', (kind) => {
  test('describes every field for kubectl explain', () => {
    const { spec, status } = openApiSchema(kind).properties ?? {};
    expect(undescribed(spec ?? {}, 'spec').concat(undescribed(status ?? {}, 'status'))).toEqual([]);
  });

  test('is namespaced, in the category isthmus, with a status of its own', () => {
    const { spec } = definition(kind);
    expect(spec.scope).toBe('Namespaced');
    expect(spec.names.categories).toEqual(['isthmus']);
    expect(spec.versions[0]?.subresources.status).toEqual({});
    expect(openApiSchema(kind).properties?.status?.default).toEqual({ observedGeneration: -1 });
  });
});

test('short names are those that people type', () => {
  expect(KINDS.map((kind) => definition(kind).spec.names.shortNames)).toEqual([
    ['rfleet'],
    ['sdom'],
    ['troute'],
    ['rwrule'],
  ]);
});

test('only a fleet can be scaled', () => {
  const scaled = KINDS.filter((kind) => 'scale' in (definition(kind).spec.versions[0]?.subresources ?? {}));
  expect(scaled).toEqual(['RelayFleet']);
});

test('the first value named by an enum of the spec is its default', () => {
  const wrong: string[] = [];
  const visit = (schema: OpenApiSchema, path: string) => {
    if (schema.enum !== undefined && schema.default !== undefined && schema.default !== schema.enum[0]) {
      wrong.push(path);
    }
    for (const [name, child] of Object.entries(schema.properties ?? {})) visit(child, `${path}.${name}`);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
  };
  for (const kind of KINDS) visit(openApiSchema(kind), kind);
  expect(wrong).toEqual([]);
});

describe('a schema that the API server would refuse is refused when it is generated', () => {
  test.each([
    ['a union', z.object({ a: z.union([z.string().max(1), z.int()]) }), /anyOf/],
    ['a value that may be null', z.object({ a: z.string().max(1).nullable() }), /nullable/],
    ['a strict object', z.strictObject({ a: z.int() }), /write z.object/],
    ['a pattern, of which a person understands nothing', z.object({ a: z.string().max(1).regex(/x/) }), /pattern/],
    ['a string without a bound', z.object({ a: z.string() }), /every string, list and map has a bound/],
    ['a list without a bound', z.object({ a: z.array(z.int()) }), /every string, list and map has a bound/],
    ['a map without a bound', z.object({ a: z.record(z.string(), z.int()) }), /every string, list and map has a bound/],
    ['a value of any type', z.object({ a: z.any() }), /has no type/],
  ])('%s', (_title, schema, message) => {
    expect(() => structuralSchema(schema, 'spec')).toThrow(message);
  });
});
