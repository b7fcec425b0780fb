/** Installed, upgraded, rolled back, uninstalled and installed again by helm: what goes, what stays, and who may do what. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../cluster/build.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/daemon.ts';
import { type Finished, run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';

/** What is built before anything else: minutes, once. */
const BUILD_MS = 900_000;
const STEP_MS = 120_000;
const CHART = join(ROOT, 'charts/isthmus');
const OPERATOR = 'system:serviceaccount:mail:isthmus-operator';

let plane: ControlPlane;
let helmProgram: string;
const folder = mkdtempSync(join(tmpdir(), 'isthmus-lifecycle-'));
const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };

const helm = (...args: string[]): Promise<Finished> =>
  run(helmProgram, [...args, '--kubeconfig', plane.kubeconfig], { env });

async function helmOrThrow(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await helm(...args);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

const mayI = async (user: string, ...what: string[]) =>
  (await plane.kubectl(['auth', 'can-i', ...what], { as: user })).stdout.trim();

const fleet = (name: string, spec: string) =>
  `{apiVersion: isthmus.dev/v1alpha1, kind: RelayFleet, metadata: {name: ${name}, namespace: mail}, spec: ${spec}}`;

/** The chart before a field was added: what an earlier version looks like. */
function earlierChart(): string {
  const chart = join(folder, 'earlier');
  cpSync(CHART, chart, { recursive: true });
  const file = join(chart, 'files/crds/relayfleets.yaml');
  const crd = readFileSync(file, 'utf8');
  const without = crd.replace(/^( +)lameDuckSeconds:\n(?:\1 +.*\n)+/m, '');
  if (without === crd) throw new Error('the CRD has no lameDuckSeconds to leave out');
  writeFileSync(file, without);
  return chart;
}

beforeAll(async () => {
  helmProgram = await buildProgram('helm');
  plane = await startControlPlane();
}, BUILD_MS);
afterAll(async () => {
  await plane?.stop();
  rmSync(folder, { recursive: true });
}, STEP_MS);

describe('the chart in its life', () => {
  it(
    'is installed, and an upgrade brings the CRDs up to date before anything else needs them',
    async () => {
      await helmOrThrow(
        'install',
        'isthmus',
        earlierChart(),
        '-n',
        'mail',
        '--create-namespace',
        '--set',
        'replicas=0',
      );
      await plane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
      await expect(plane.apply(fleet('older', '{lameDuckSeconds: 5}'))).rejects.toThrow('lameDuckSeconds');
      await plane.apply(fleet('older', '{replicas: 1}'));

      await helmOrThrow('upgrade', 'isthmus', CHART, '-n', 'mail', '--reset-then-reuse-values');
      // The API server takes a moment to serve the new schema.
      await until('the new field is known', async () =>
        plane.apply(fleet('older', '{lameDuckSeconds: 5}')).then(
          () => true,
          () => false,
        ),
      );
      const replicas = ['get', 'deployment', 'isthmus-operator', '-n', 'mail', '-o', 'jsonpath={.spec.replicas}'];
      expect(await plane.kubectlOrThrow(replicas)).toBe('0');
    },
    STEP_MS,
  );

  it(
    'goes back by a rollback, and what was written stays readable',
    async () => {
      await helmOrThrow('rollback', 'isthmus', '1', '-n', 'mail');
      const found = await plane.kubectlOrThrow(['get', 'rfleet', 'older', '-n', 'mail', '-o', 'name']);
      expect(found.trim()).toBe('relayfleet.isthmus.dev/older');
      await helmOrThrow('rollback', 'isthmus', '2', '-n', 'mail');
    },
    STEP_MS,
  );

  it(
    'a changed setting makes new pods, an unchanged one does not',
    async () => {
      const annotation = String.raw`jsonpath={.spec.template.metadata.annotations.checksum/settings}`;
      const checksum = () =>
        plane.kubectlOrThrow(['get', 'deployment', 'isthmus-operator', '-n', 'mail', '-o', annotation]);
      const before = await checksum();
      expect(before).toMatch(/^[0-9a-f]{64}$/);
      await helmOrThrow('upgrade', 'isthmus', CHART, '-n', 'mail', '--reuse-values', '--set', 'dashboard.enabled=true');
      expect(await checksum()).toBe(before);
      const watched = 'fleets.networkPolicy.enabled=false';
      await helmOrThrow('upgrade', 'isthmus', CHART, '-n', 'mail', '--reuse-values', '--set', watched);
      expect(await checksum()).not.toBe(before);
    },
    STEP_MS,
  );

  it(
    'stands twice in a cluster when one of the two has what belongs to the cluster',
    async () => {
      const both = ['install', 'isthmus', CHART, '-n', 'branch', '--create-namespace'];
      const refused = await helm(...both);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('mail');
      await helm('uninstall', 'isthmus', '-n', 'branch');
      await helmOrThrow(...both, '--set', 'crds.enabled=false,rbac.userRoles=false');
      expect(await mayI('system:serviceaccount:branch:isthmus-operator', 'list', 'secrets', '-n', 'branch')).toBe(
        'yes',
      );
      expect(await mayI('system:serviceaccount:branch:isthmus-operator', 'list', 'secrets', '-n', 'mail')).toBe('no');
      await helmOrThrow('uninstall', 'isthmus', '-n', 'branch');
    },
    STEP_MS,
  );
});

describe('rights', () => {
  it.each([
    ['yes', 'list', 'secrets', '-n', 'mail'],
    ['yes', 'patch', 'relayfleets.isthmus.dev', '--subresource=status', '-n', 'mail'],
    ['yes', 'update', 'leases/isthmus-operator', '-n', 'mail'],
    ['no', 'update', 'leases/another', '-n', 'mail'],
    ['no', 'delete', 'secrets', '-n', 'mail'],
    ['no', 'delete', 'configmaps', '-n', 'mail'],
    ['no', 'patch', 'rewriterules.isthmus.dev', '-n', 'mail'],
    ['no', 'patch', 'relayfleets.isthmus.dev/another', '-n', 'mail'],
    ['no', 'create', 'pods', '-n', 'mail'],
    ['no', 'create', 'pods', '--subresource=exec', '-n', 'mail'],
    ['no', 'create', 'rolebindings', '-n', 'mail'],
    ['no', 'list', 'secrets', '-n', 'kube-system'],
    ['no', 'list', 'nodes'],
  ])('the operator: %s to %s %s', async (answer, ...what) => {
    expect(await mayI(OPERATOR, ...what)).toBe(answer);
  });

  it(
    'people with edit write rules and no fleets; a fleet administrator writes fleets',
    async () => {
      for (const [user, role] of [
        ['viewer', 'view'],
        ['editor', 'edit'],
        ['fleet-admin', 'isthmus-fleet-admin'],
      ] as const) {
        await plane.kubectlOrThrow([
          'create',
          'rolebinding',
          user,
          '-n',
          'mail',
          '--clusterrole',
          role,
          '--user',
          user,
        ]);
      }
      // The controller manager copies aggregated rules when it comes to it.
      await until('edit has the rules', async () => (await mayI('editor', 'create', 'rwrule', '-n', 'mail')) === 'yes');
      await until('view has the rules', async () => (await mayI('viewer', 'list', 'rwrule', '-n', 'mail')) === 'yes');
      expect(await mayI('viewer', 'create', 'rwrule', '-n', 'mail')).toBe('no');
      expect(await mayI('editor', 'list', 'rfleet', '-n', 'mail')).toBe('yes');
      expect(await mayI('editor', 'patch', 'rfleet', '-n', 'mail')).toBe('no');
      expect(await mayI('editor', 'patch', 'rwrule', '--subresource=status', '-n', 'mail')).toBe('no');
      expect(await mayI('fleet-admin', 'patch', 'rfleet', '-n', 'mail')).toBe('yes');
      expect(await mayI('fleet-admin', 'patch', 'rfleet', '--subresource=scale', '-n', 'mail')).toBe('yes');
    },
    STEP_MS,
  );
});

describe('uninstalled', () => {
  it(
    'it leaves CRDs and resources, takes its own rights along, and can be installed again',
    async () => {
      await helmOrThrow('uninstall', 'isthmus', '-n', 'mail');
      const crds = await plane.kubectlOrThrow(['get', 'crd', '-o', 'name']);
      expect(crds.trim().split('\n')).toHaveLength(4);
      expect(await plane.kubectlOrThrow(['get', 'rfleet', '-n', 'mail', '-o', 'name'])).toContain('older');
      expect(await mayI(OPERATOR, 'list', 'secrets', '-n', 'mail')).toBe('no');
      await helmOrThrow('install', 'isthmus', CHART, '-n', 'mail', '--set', 'replicas=0');
      expect(await mayI(OPERATOR, 'list', 'secrets', '-n', 'mail')).toBe('yes');
    },
    STEP_MS,
  );
});
