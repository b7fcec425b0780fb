/** What the chart writes is what the operator reads: settings, rights, image, values. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { staleFiles } from '../../charts/generate.ts';
import { chartValues } from '../../charts/values.ts';
import { KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import { validateResource } from '../../crds/validate.ts';
import { settingsSchema } from '../../operator/settings.ts';
import { ROOT } from '../support/test-files.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const records = readdirSync(join(ROOT, 'test/charts/rendered'));
const objects = (record: string): Manifest[] =>
  parseAllDocuments(read(`test/charts/rendered/${record}`)).map((document) => document.toJS() as Manifest);

function settingsOf(record: string): unknown {
  const map = objects(record).find(({ kind, data }) => kind === 'ConfigMap' && data?.['settings.yaml'] !== undefined);
  return parse(map?.data?.['settings.yaml'] ?? '');
}

describe('settings that the chart writes', () => {
  it.each(records)('%s: the operator reads them', (record) => {
    expect(settingsSchema.safeParse(settingsOf(record)).error).toBeUndefined();
  });

  it.each(records)('%s: say everything, so that no default of the operator stands in', (record) => {
    const written = settingsOf(record) as object;
    expect(Object.keys(written).sort()).toEqual(Object.keys(settingsSchema.shape).sort());
  });

  it.each(records)('%s: the default fleet is one that the API server would take', (record) => {
    const { defaultFleet } = settingsSchema.parse(settingsOf(record));
    const metadata = { name: 'default', namespace: 'mail' };
    const fleet = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'RelayFleet', metadata, spec: defaultFleet.spec };
    expect(validateResource(fleet)).toMatchObject({ ok: true });
  });

  it('name all namespaces by none, and the namespaces and images as they are given', () => {
    expect(settingsSchema.parse(settingsOf('default.yaml')).watchNamespaces).toEqual(['mail']);
    expect(settingsSchema.parse(settingsOf('two-namespaces.yaml')).watchNamespaces).toEqual(['mail', 'branch']);
    expect(settingsSchema.parse(settingsOf('cluster-wide.yaml'))).toMatchObject({
      watchNamespaces: [],
      relayImage: 'registry.example.org/isthmus/relay:0.1.1',
      domains: [
        { match: 'shared.example', namespaces: ['mail'] },
        { match: '*.shared.example', namespaces: ['mail', 'branch'] },
      ],
    });
    expect(settingsSchema.parse(settingsOf('monitored.yaml')).defaultFleet.spec).toEqual({
      autoscaling: { maxReplicas: 6 },
      limits: { messageBytes: 157286400 },
    });
  });

  it('name the lease and the key that the operator may use', () => {
    const { leaderElection, keySecretName } = settingsSchema.parse(settingsOf('placed.yaml'));
    const own = objects('placed.yaml').find(
      ({ kind, metadata }) => kind === 'Role' && !metadata.name.endsWith('watch'),
    );
    const names = (own?.rules ?? []).flatMap((rule) => rule.resourceNames ?? []);
    expect(names).toEqual([leaderElection.leaseName, keySecretName, 'default']);
  });
});

describe('rights', () => {
  const cells = (heading: string) =>
    (read('docs/rbac.md').split(`## ${heading}\n`)[1] ?? '')
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => /^\| (core|`)/.test(line))
      .map((line) =>
        line
          .split('|')
          .map((cell) => cell.trim().replaceAll('`', ''))
          .slice(1, -1),
      ) ?? [];
  const group = (rule: Rule) => rule.apiGroups.map((name) => (name === '' ? 'core' : name)).join(', ');
  const role = (record: string, kind: string, name: string) =>
    objects(record).find((one) => one.kind === kind && one.metadata.name === name)?.rules ?? [];

  it('in a watched namespace are those that docs/rbac.md explains, in Role and ClusterRole', () => {
    const explained = cells('In each namespace that it watches').map((row) => row.slice(0, 3));
    const given = (rules: readonly Rule[]) =>
      rules.map((rule) => [group(rule), rule.resources.join(', '), rule.verbs.join(', ')]);
    expect(explained.length).toBeGreaterThan(5);
    expect(given(role('default.yaml', 'Role', 'isthmus-operator-watch'))).toEqual(explained);
    expect(given(role('cluster-wide.yaml', 'ClusterRole', 'mail-isthmus-operator'))).toEqual(explained);
  });

  it('in its own namespace are those that docs/rbac.md explains', () => {
    const explained = cells('In its own namespace').map((row) => row.slice(0, 4));
    const given = role('default.yaml', 'Role', 'isthmus-operator').map((rule) => [
      group(rule),
      rule.resources.join(', '),
      rule.resourceNames?.join(', ').replace('isthmus-', 'RELEASE-') ?? 'any',
      rule.verbs.join(', '),
    ]);
    expect(given).toEqual(explained);
  });

  it('are in every watched namespace and nowhere else', () => {
    const places = (record: string) =>
      objects(record)
        .filter(({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('-watch'))
        .map(({ metadata }) => metadata.namespace);
    expect(places('two-namespaces.yaml')).toEqual(['mail', 'branch']);
    expect(places('cluster-wide.yaml')).toEqual([]);
  });

  it('of people: nobody who may edit gets RelayFleets by it', () => {
    const edit = role('default.yaml', 'ClusterRole', 'isthmus-edit').flatMap((rule) => rule.resources);
    expect(edit).toEqual(['shareddomains', 'tenantroutes', 'rewriterules']);
  });
});

interface Chart {
  readonly appVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
}

describe('the chart', () => {
  it('tells Artifact Hub of every kind, with examples that the API server would take', () => {
    const { annotations } = parse(read('charts/isthmus/Chart.yaml')) as Chart;
    const crds = parse(annotations['artifacthub.io/crds'] ?? '') as { kind: string; name: string }[];
    expect(crds.map(({ kind, name }) => [kind, name])).toEqual(
      KINDS.map((kind) => [kind, `${SCHEMAS[kind].plural}.isthmus.dev`]),
    );
    const examples = parse(annotations['artifacthub.io/crdsExamples'] ?? '') as unknown[];
    expect(examples.map((example) => validateResource(example))).toMatchObject(examples.map(() => ({ ok: true })));
  });

  it('has nothing generated that is stale', () => {
    expect(staleFiles(ROOT)).toEqual([]);
  });

  it('has default values that fit its schema', () => {
    expect(chartValues.safeParse(parse(read('charts/isthmus/values.yaml'))).error).toBeUndefined();
  });

  it('has the version of the project, whose images it names', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const { appVersion, annotations } = parse(read('charts/isthmus/Chart.yaml')) as Chart;
    expect(appVersion).toBe(version);
    const { image, relayImage } = chartValues.parse(parse(read('charts/isthmus/values.yaml')));
    const repository = /REPOSITORY = '([^']+)'/.exec(read('deploy/image/images.ts'))?.[1];
    expect([image.repository, relayImage.repository]).toEqual([`${repository}/operator`, `${repository}/relay`]);
    const listed = parse(annotations['artifacthub.io/images'] ?? '') as { image: string }[];
    expect(listed.map((one) => one.image)).toEqual([image, relayImage].map((one) => `${one.repository}:${version}`));
  });
});
