/** The generated CRDs on a real API server: what it accepts and refuses is what `isthmus check` accepts and refuses. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenApiSchema, openApiSchema } from '../../crds/openapi.ts';
import { formatPath, type Problem } from '../../crds/problem.ts';
import { type Kind, KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import { RULES_KEY } from '../../crds/v1alpha1/rules.ts';
import { validateResource } from '../../crds/validate.ts';
import { resourceCases } from '../crds/resource-cases.ts';
import { run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { replaced, replacements } from './replaced-values.ts';

const invalid = resourceCases('invalid');
const valid = resourceCases('valid');
let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.kubectlOrThrow(['apply', '--server-side', '-f', join(ROOT, 'crds/generated')]);
  await plane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await plane.kubectlOrThrow(['create', 'namespace', 'mail']);
}, 120_000);
afterAll(() => plane.stop());

interface Written {
  readonly kind?: unknown;
  readonly metadata?: { readonly namespace?: unknown; readonly name?: unknown };
}

const asWritten = (value: unknown): Written => (typeof value === 'object' && value !== null ? value : {});
const text = (value: unknown, otherwise: string) => (typeof value === 'string' && value !== '' ? value : otherwise);

/** Where its author would send it; nonsense goes to the collection of TenantRoutes. */
function collectionOf(value: unknown): string {
  const { kind, metadata } = asWritten(value);
  const { plural } = KINDS.includes(kind as Kind) ? SCHEMAS[kind as Kind] : SCHEMAS.TenantRoute;
  const namespace = text(metadata?.namespace, 'default');
  return `/apis/isthmus.dev/v1alpha1/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

const DRY_RUN = 'dryRun=All&fieldValidation=Strict';

interface Verdict {
  readonly accepted: boolean;
  readonly message: string;
}

function verdict({ status, body }: { status: number; body: unknown }): Verdict {
  expect(status, 'the API server answered').not.toBe(0);
  return { accepted: status < 300, message: String((body as { message?: unknown })?.message ?? '') };
}

const create = async (value: unknown): Promise<Verdict> =>
  verdict(await plane.ask(`${collectionOf(value)}?${DRY_RUN}`, { method: 'POST', body: value }));

async function apply(value: unknown): Promise<Verdict> {
  const name = encodeURIComponent(text(asWritten(value).metadata?.name, 'unnamed'));
  const contentType = 'application/apply-patch+yaml';
  const path = `${collectionOf(value)}/${name}?${DRY_RUN}&fieldManager=test`;
  return verdict(await plane.ask(path, { method: 'PATCH', contentType, body: value }));
}

test('every CRD is established, and the server finds nothing that is not structural', async () => {
  const { status, body } = await plane.ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  expect(status).toBe(200);
  const { items } = body as {
    items: { spec: { names: { kind: string } }; status: { conditions: { type: string; status: string }[] } }[];
  };
  expect(items.map(({ spec }) => spec.names.kind).sort()).toEqual([...KINDS].sort());
  for (const { status } of items) {
    const isTrue = status.conditions.flatMap(({ type, status }) => (status === 'True' ? [type] : []));
    expect(isTrue.sort()).toEqual(['Established', 'NamesAccepted']);
  }
});

describe('a valid resource is accepted by create and by server-side apply', () => {
  test.each(valid.map((one) => [one.file, one.title, one.value] as const))('%s: %s', async (_file, _title, value) => {
    expect(await create(value)).toMatchObject({ accepted: true });
    expect(await apply(value)).toMatchObject({ accepted: true });
  });
});

function ruleMessages(schema: OpenApiSchema): string[] {
  const below = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  const own = (schema[RULES_KEY] ?? []).map(({ message }) => message);
  return [...own, ...below.flatMap((child) => (child === undefined ? [] : ruleMessages(child)))];
}

const RULE_MESSAGES = new Set(KINDS.flatMap((kind) => ruleMessages(openApiSchema(kind))));

/** The rule whose sentence a problem is, which may begin with the value that broke it. */
const ruleOf = ({ message }: Problem): string | undefined => [...RULE_MESSAGES].find((each) => message.endsWith(each));

/** The server writes the same place in several ways: `.spec.ports[0]`, `spec.limits[memory]`. */
const plainPath = (path: string): string => path.replaceAll(/[.[\]"\s]+/g, '.').replace(/^\./, '');

/** The server names the labels, and not which of them. */
const serverPath = ({ path }: Problem): string =>
  plainPath(formatPath(path[0] === 'metadata' ? path.slice(0, 2) : path));

/** Wrong as a whole, so that no schema is asked: the server's answer has no path. */
const isAboutTheObject = ({ path }: Problem): boolean => path.length === 0 || (path[0] !== 'spec' && path.length <= 2);

describe('an invalid resource is refused, for the reason that "isthmus check" gives', () => {
  test.each(invalid.map((one) => [one.file, one.title, one.value] as const))('%s: %s', async (_file, _title, value) => {
    const ours = validateResource(value);
    if (ours.ok) throw new Error('"isthmus check" accepts it');
    const [created, applied] = [await create(value), await apply(value)];
    expect(created).toMatchObject({ accepted: false });
    const said = `${created.message}\n${applied.message}`;
    // While the shape is wrong the server does not come to the rules.
    const aboutShape = ours.problems.filter((problem) => ruleOf(problem) === undefined);
    if (aboutShape.length === 0) for (const problem of ours.problems) expect(said).toContain(ruleOf(problem));
    const named = ours.problems.filter((problem) => plainPath(said).includes(serverPath(problem)));
    if (!ours.problems.every(isAboutTheObject)) expect(named).not.toEqual([]);
  });

  test('in at least 80 cases, and in at least 50 with the very sentence', () => {
    const sentences = invalid.filter(({ value }) => {
      const ours = validateResource(value);
      return !ours.ok && ours.problems.every((problem) => ruleOf(problem) !== undefined);
    });
    expect(invalid.length).toBeGreaterThanOrEqual(80);
    expect(sentences.length).toBeGreaterThanOrEqual(50);
  });
});

test('what check accepts the server accepts, and what it refuses the server refuses: valid resources, one value replaced', async () => {
  const values = valid.map(({ value }) => value);
  const property = fc.asyncProperty(replaced(values, replacements), async (value) => {
    const ours = validateResource(value);
    const server = await create(value);
    const differ = { value, ours: ours.ok ? [] : ours.problems, server: server.message };
    expect(server.accepted, JSON.stringify(differ)).toBe(ours.ok);
  });
  await fc.assert(property, { numRuns: 400 });
}, 120_000);

describe('a field that does not exist is refused with its path', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-unknown-field-'));
  const file = join(folder, 'fleet.yaml');
  writeFileSync(
    file,
    'apiVersion: isthmus.dev/v1alpha1\nkind: RelayFleet\nmetadata: {name: default, namespace: mail}\nspec: {service: {prot: 25}}\n',
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['kubectl apply', ['apply', '-f', file]],
    ['kubectl apply --server-side', ['apply', '--server-side', '-f', file]],
    ['kubectl create', ['create', '-f', file]],
  ])('by %s', async (_name, args) => {
    const { code, stderr } = await plane.kubectl(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/spec\.service\.prot/);
  });

  test('by isthmus check', async () => {
    const { code, stdout } = await run(process.execPath, [join(ROOT, 'cli/main.ts'), 'check', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/spec\.service\.prot: unknown field; did you mean port\?/);
  });
});

test('kubectl explain teaches the fields, and kubectl get isthmus finds all kinds', async () => {
  const explained = await plane.kubectlOrThrow(['explain', 'tenantroute.spec.nextHop']);
  expect(explained).toContain('FIELDS:');
  expect(explained).toContain('hosts');
  const samples = join(ROOT, 'deploy/samples/two-tenants');
  await plane.kubectlOrThrow(['apply', '--server-side', '-n', 'mail', '-f', samples]);
  const got = await plane.kubectlOrThrow(['get', 'isthmus', '-n', 'mail']);
  expect(got).toMatch(/^NAME +.*READY/m);
  for (const kind of ['shareddomain', 'tenantroute', 'rewriterule']) expect(got).toContain(`${kind}.isthmus.dev/`);
});
