/** The examples for Argo CD and Flux name only what is in this repository. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartValues } from '../../charts/values.ts';
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
  const objects = filesBelow('deploy/flux', ['.yaml']).flatMap(documents);
  const named = (kind: string, name: string) => objects.find((one) => one.kind === kind && one.metadata.name === name);
  const kustomization = named('Kustomization', 'shared-domain')?.spec;
  const release = named('HelmRelease', 'isthmus')?.spec;

  it('names folders that are here', () => {
    expect(existsSync(join(ROOT, kustomization.path))).toBe(true);
    expect(existsSync(join(ROOT, release.chart.spec.chart, 'Chart.yaml'))).toBe(true);
  });

  it('names objects that are among its own', () => {
    for (const { kind, name } of [kustomization.sourceRef, release.chart.spec.sourceRef]) {
      expect(named(kind, name)).toBeDefined();
    }
  });

  it('waits until relays run what it applies, and puts both into one namespace', () => {
    expect(kustomization).toMatchObject({ wait: true, prune: true, targetNamespace: release.targetNamespace });
  });

  it('gives the chart values that it has', () => {
    const given = release.values as unknown;
    expect(chartValues.safeParse(merged(values, given)).error).toBeUndefined();
  });
});
