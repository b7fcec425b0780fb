/** The examples for Argo CD and Flux name only what is in this repository, and say the same about health. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Environment } from '@marcbachmann/cel-js';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartValues } from '../../charts/values.ts';
import { KINDS } from '../../crds/v1alpha1/kinds.ts';
import { filesBelow, ROOT } from '../support/test-files.ts';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // oxlint-disable-next-line typescript/no-explicit-any -- strangers' kinds, whose shapes this test is about
  readonly spec: any;
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const documents = (file: string) =>
  parseAllDocuments(read(file)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
const all = (folder: string): Manifest[] =>
  filesBelow(folder, ['.yaml'])
    .filter((file) => !file.endsWith('kustomization.yaml'))
    .flatMap(documents);
/** As helm does it: what is given replaces what values.yaml says, map by map. */
function merged(base: unknown, given: unknown): unknown {
  const maps = [base, given].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
  if (!maps) return given ?? base;
  const [under, over] = [base as Record<string, unknown>, given as Record<string, unknown>];
  return Object.fromEntries(
    [...new Set([...Object.keys(under), ...Object.keys(over)])].map((key) => [key, merged(under[key], over[key])]),
  );
}
const values = parse(read('charts/isthmus/values.yaml')) as unknown;

describe('Argo CD example', () => {
  const applications = documents('deploy/argocd/application.yaml');

  it('names folders that are here', () => {
    expect(applications.map((one) => one.spec.source.path)).toEqual(['charts/isthmus', 'deploy/samples/two-tenants']);
    for (const { spec } of applications) expect(existsSync(join(ROOT, spec.source.path))).toBe(true);
  });

  it('gives the chart values that it has', () => {
    const given = applications[0]?.spec.source.helm.valuesObject as unknown;
    expect(chartValues.safeParse(merged(values, given)).error).toBeUndefined();
  });

  it('applies on the server, never prunes the CRDs, and syncs both into one namespace', () => {
    for (const { spec } of applications) {
      expect(spec.syncPolicy.syncOptions).toContain('ServerSideApply=true');
      expect(spec.destination.namespace).toBe('mail');
    }
    expect(applications[0]?.spec.syncPolicy.automated.prune).toBe(false);
  });
});

describe('Flux example', () => {
  const objects = all('deploy/flux');
  const named = (kind: string, name: string) => objects.find((one) => one.kind === kind && one.metadata.name === name);
  const kustomizations = objects.filter((one) => one.kind === 'Kustomization');

  it('names folders that are here, and each folder that it builds lists its files', () => {
    for (const { spec } of kustomizations) expect(existsSync(join(ROOT, spec.path))).toBe(true);
    const { resources } = parse(read('deploy/flux/operator/kustomization.yaml')) as { resources: string[] };
    expect(resources).toEqual(
      readdirSync(join(ROOT, 'deploy/flux/operator')).filter((name) => name !== 'kustomization.yaml'),
    );
  });

  it('names objects that are among its own', () => {
    for (const { spec } of kustomizations) {
      expect(named(spec.sourceRef.kind, spec.sourceRef.name)).toBeDefined();
      for (const { name } of spec.dependsOn ?? []) expect(named('Kustomization', name)).toBeDefined();
      for (const { kind, name } of spec.healthChecks ?? []) expect(named(kind, name)).toBeDefined();
    }
    const { sourceRef, chart } = named('HelmRelease', 'isthmus')?.spec.chart.spec ?? {};
    expect(named(sourceRef.kind, sourceRef.name)).toBeDefined();
    expect(existsSync(join(ROOT, chart, 'Chart.yaml'))).toBe(true);
  });

  it('gives the chart values that it has', () => {
    const given = named('HelmRelease', 'isthmus')?.spec.values as unknown;
    expect(chartValues.safeParse(merged(values, given)).error).toBeUndefined();
  });
});

interface HealthTest {
  readonly inputPath: string;
  readonly healthStatus: { readonly status: string };
}
/** Argo CD's words in Flux's; Flux knows no pause, and what is paused is not Ready. */
const IN_FLUX: Readonly<Record<string, string>> = {
  Healthy: 'current',
  Degraded: 'failed',
  Progressing: 'inProgress',
  Suspended: 'inProgress',
};

describe.each(KINDS)('health of a %s in Flux', (kind) => {
  const folder = join('deploy/argocd/resource_customizations/isthmus.dev', kind);
  const { tests } = parse(read(join(folder, 'health_test.yaml'))) as { tests: HealthTest[] };
  const kustomization = documents('deploy/flux/kustomizations.yaml')[0];
  const expressions = kustomization?.spec.healthCheckExprs.find((one: { kind: string }) => one.kind === kind);
  const environment = new Environment({ unlistedVariablesAreDyn: true });

  it.each(tests)('agrees with Argo CD about $inputPath', ({ inputPath, healthStatus }) => {
    const object = parse(read(join(folder, inputPath)), { intAsBigInt: true }) as Record<string, unknown>;
    const holds = (word: string) => environment.evaluate(expressions[word], object) === true;
    // Flux's order; what fits none of them is in progress.
    const found = ['inProgress', 'failed', 'current'].find(holds) ?? 'inProgress';
    expect(found).toBe(IN_FLUX[healthStatus.status]);
  });
});
