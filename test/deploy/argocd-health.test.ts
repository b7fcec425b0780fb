/** Argo CD's health scripts, run by a real Lua over their own test data. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { validateResource } from '../../crds/validate.ts';
import { CONDITION_TYPES, REASONS } from '../../crds/v1alpha1/conditions.ts';
import { KINDS } from '../../crds/v1alpha1/kinds.ts';
import { luaHealth } from '../support/lua.ts';
import { ROOT } from '../support/test-files.ts';

const FOLDER = join(ROOT, 'deploy/argocd/resource_customizations/isthmus.dev');
/** Fewer would leave a rule of the script unseen. */
const FEWEST_STATES = 6;

interface HealthTest {
  readonly inputPath: string;
  readonly healthStatus: { readonly status: string; readonly message: string };
}

interface Seen {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

const yaml = <T>(path: string): T => parse(readFileSync(path, 'utf8')) as T;

describe.each(KINDS)('health of a %s in Argo CD', (kind) => {
  const folder = join(FOLDER, kind);
  const { tests } = yaml<{ tests: HealthTest[] }>(join(folder, 'health_test.yaml'));

  it.each(tests)('$inputPath is $healthStatus.status', ({ inputPath, healthStatus }) => {
    const object = yaml(join(folder, inputPath));
    expect(luaHealth(join(folder, 'health.lua'), object)).toEqual(healthStatus);
  });

  it('is Progressing while nothing at all is known', () => {
    const object = { apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { name: 'x', generation: 1 }, spec: {} };
    expect(luaHealth(join(folder, 'health.lua'), object).status).toBe('Progressing');
  });

  it('has a test for every file of its test data, and every state that matters', () => {
    const files = readdirSync(join(folder, 'testdata')).map((name) => `testdata/${name}`);
    expect(tests.map((test) => test.inputPath).sort()).toEqual(files.sort());
    expect(files.length).toBeGreaterThanOrEqual(FEWEST_STATES);
    const words = new Set(tests.map((test) => test.healthStatus.status));
    expect([...words].sort()).toEqual(['Degraded', 'Healthy', 'Progressing', 'Suspended']);
  });

  it.each(tests)('$inputPath is an object that the operator could have written', ({ inputPath }) => {
    const { status, ...object } = yaml<Seen>(join(folder, inputPath));
    const bare = { ...object, metadata: { name: 'x', namespace: 'mail' } };
    expect(validateResource(bare)).toMatchObject({ ok: true });
    expect(object.kind).toBe(kind);
    const types: readonly string[] = CONDITION_TYPES[kind];
    const reasons = new Set<string>(Object.values(REASONS).flat());
    for (const condition of status.conditions ?? []) {
      expect(types).toContain(condition.type);
      expect(reasons).toContain(condition.reason);
    }
  });
});

describe('the settings for argocd-cm', () => {
  it('hold the same scripts, a key a kind', () => {
    const { data } = yaml<{ data: Record<string, string> }>(join(ROOT, 'deploy/argocd/argocd-cm.yaml'));
    const script = readFileSync(join(ROOT, 'deploy/argocd/health.lua'), 'utf8');
    expect(data).toEqual(
      Object.fromEntries(KINDS.map((kind) => [`resource.customizations.health.isthmus.dev_${kind}`, script])),
    );
    expect(KINDS.every((kind) => existsSync(join(FOLDER, kind, 'health.lua')))).toBe(true);
  });
});
