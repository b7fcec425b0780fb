/** helm renders the chart as recorded, refuses what the schema does not know, and a real API server takes all of it. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { renderValues, rendered, valuesFiles } from '../../charts/render.ts';
import { buildProgram } from '../cluster/build.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';

interface Refusal {
  readonly set: unknown;
  readonly says: string;
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: unknown;
}

/** What is built before anything else: minutes, once. */
const BUILD_MS = 900_000;
const PLANE_MS = 120_000;
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const refusals = parse(read('test/charts/refused-values.yaml')) as Refusal[];
const STALE = 'stale: run "node setup.mjs charts/render.ts PATH-OF-HELM", look at the difference and commit it';

let helm: string;
const folder = mkdtempSync(join(tmpdir(), 'isthmus-chart-'));
const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
beforeAll(async () => {
  helm = await buildProgram('helm');
}, BUILD_MS);
afterAll(() => rmSync(folder, { recursive: true }));

describe('the chart', () => {
  it('renders as recorded', () => {
    for (const [file, text] of rendered(helm, ROOT)) expect(read(file), `${file} is ${STALE}`).toBe(text);
  });

  it('has a record for each file of values, and no other', () => {
    const recorded = readdirSync(join(ROOT, 'test/charts/rendered')).map((name) => name.replace(/\.yaml$/, ''));
    expect(recorded.sort()).toEqual(valuesFiles(ROOT).sort());
  });

  it.each(valuesFiles(ROOT))('passes helm lint with the values %s', async (name) => {
    const values = join(ROOT, 'test/charts/values', `${name}.yaml`);
    const args = ['lint', '--strict', join(ROOT, 'charts/isthmus'), '--namespace', 'mail', '--values', values];
    const { code, stdout, stderr } = await run(helm, args, { env });
    expect({ code, said: stdout + stderr }).toMatchObject({ code: 0 });
    expect(stdout).not.toContain('[WARNING]');
  });

  it.each([
    ['default', ['npm run image', 'rollout status deployment/isthmus-operator', 'deploy/samples/two-tenants/']],
    ['cluster-wide', ['EVERY SECRET', 'registry.example.org/isthmus/relay:0.1.1']],
    ['two-namespaces', ['mail, branch', 'No RelayFleet is made']],
  ])('says with the values %s what comes next', async (name, sentences) => {
    const values = join(ROOT, 'test/charts/values', `${name}.yaml`);
    const place = ['--namespace', 'mail', '--values', values, '--dry-run=client'];
    const { stdout } = await run(helm, ['install', 'isthmus', join(ROOT, 'charts/isthmus'), ...place], { env });
    const [, notes = ''] = stdout.split('\nNOTES:\n');
    for (const sentence of sentences) expect(notes).toContain(sentence);
    expect(notes.includes('EVERY SECRET')).toBe(name === 'cluster-wide');
  });

  it.each(refusals)('refuses values: $says', async ({ set, says }) => {
    const values = join(folder, 'refused.yaml');
    writeFileSync(values, stringify(set));
    const args = ['template', 'isthmus', join(ROOT, 'charts/isthmus'), '--namespace', 'mail', '--values', values];
    const { code, stderr } = await run(helm, args, { env });
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
  });
});

describe('a real API server', () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane();
    await plane.apply(read('deploy/manifests/namespace.yaml'));
    await plane.kubectlOrThrow(['create', 'namespace', 'branch']);
  }, BUILD_MS + PLANE_MS);
  afterAll(() => plane?.stop(), PLANE_MS);

  const documents = (text: string): Manifest[] => parseAllDocuments(text).map((one) => one.toJS() as Manifest);
  /** The Prometheus operator's kinds are not Kubernetes' own. */
  const known = (all: readonly Manifest[]) => all.filter((one) => one?.apiVersion && !isForeign(one));
  const isForeign = ({ apiVersion }: Manifest) => apiVersion.startsWith('monitoring.coreos.com/');
  const yaml = (all: readonly Manifest[]) => all.map((one) => stringify(one)).join('---\n');

  it.each(valuesFiles(ROOT))(
    'takes what the values %s make, without a warning',
    async (name) => {
      const all = known(documents(renderValues(helm, ROOT, name)));
      expect(all.length).toBeGreaterThan(10);
      const args = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'];
      const { code, stdout, stderr } = await plane.kubectl(args, { input: yaml(all) });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.trim().split('\n')).toHaveLength(all.length);
    },
    PLANE_MS,
  );

  it(
    'takes the plain manifests, and what they run under the restricted Pod Security Standard',
    async () => {
      await plane.apply(read('deploy/manifests/install.yaml'));
      const deployment = documents(read('deploy/manifests/install.yaml')).find(({ kind }) => kind === 'Deployment');
      if (deployment === undefined) throw new Error('install.yaml has no Deployment');
      const { template } = deployment.spec as { template: { metadata: object; spec: object } };
      const metadata = { ...template.metadata, name: 'as-in-the-deployment', namespace: 'mail' };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec };
      const { code, stderr } = await plane.kubectl(['create', '--dry-run=server', '-f', '-'], {
        input: stringify(pod),
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
    PLANE_MS,
  );

  it(
    'takes the plain manifests by kustomize as well',
    async () => {
      const args = ['apply', '--server-side', '--dry-run=server', '-k', join(ROOT, 'deploy/manifests')];
      expect(await plane.kubectl(args)).toMatchObject({ code: 0 });
    },
    PLANE_MS,
  );
});
