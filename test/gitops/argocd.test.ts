/**
 * deploy/argocd as it stands, on a real Argo CD and a real node: chart and sample come from a git repository, health is what
 * relays run, nobody fights over a field, and what is told to go goes.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { makeDkimKey } from '../../demo/scenery.ts';
import { TAG, testedImages } from '../cluster/fleet/images.ts';
import { type Cluster, startCluster } from '../cluster/nodes/cluster.ts';
import { Eyes, john, relayFleet, type Seen, secret } from '../cluster/operator/seen.ts';
import { ROOT } from '../support/test-files.ts';
import { type Application, type ArgoCd, startArgocd } from './argocd.ts';
import { type GitServer, startGitServer } from './git-server.ts';

const OPERATOR = 'isthmus-operator';
const SAMPLE = 'shared-domain';
const FOLDER = 'deploy/samples/two-tenants';
const TRACKING = 'argocd.argoproj.io/tracking-id';
/** Of the fleet, and of whoever reads the repository's chart: small machines have no room for three relays. */
const ONE_POD = { replicas: 1 };
/** Everything that the operator makes for a fleet. */
const MADE = 'deployments,services,serviceaccounts,poddisruptionbudgets,networkpolicies,configmaps,secrets,pods';

let cluster: Cluster;
let git: GitServer;
let argo: ArgoCd;
let eyes: Eyes;

interface ApplicationManifest {
  readonly spec: { readonly source: { repoURL: string; readonly helm?: { valuesObject: object } } };
}

/** deploy/argocd/application.yaml with what a reader puts in: a repository, and where images are. */
function applications(): string {
  const text = readFileSync(join(ROOT, 'deploy/argocd/application.yaml'), 'utf8');
  const images = { image: { pullPolicy: 'Never', tag: TAG }, relayImage: { tag: TAG } };
  const objects = parseAllDocuments(text).map((document) => document.toJS() as ApplicationManifest);
  for (const { spec } of objects) {
    spec.source.repoURL = git.url;
    if (spec.source.helm !== undefined)
      spec.source.helm.valuesObject = { ...ONE_POD, ...images, defaultFleet: { spec: ONE_POD } };
  }
  return objects.map((object) => stringify(object)).join('---\n');
}

/** What Argo CD says of the whole, then of each resource that has a health. */
function stateOf({ status }: Application): Record<string, string> {
  const resources = (status?.resources ?? []).filter(({ health }) => health?.status !== undefined);
  const each = resources.map(({ kind, name, health, status: sync }) => [
    `${kind} ${name}`,
    `${health?.status} ${sync}`,
  ]);
  return { all: `${status?.health?.status} ${status?.sync?.status}`, ...Object.fromEntries(each) };
}

const is = (whole: string) => (application: Application) => stateOf(application)['all'] === whole;

/** Puts the sample's folder as it should be into the repository, and lets Argo CD see it. */
async function publish(change: Readonly<Record<string, object | undefined>>): Promise<string> {
  for (const [name, object] of Object.entries(change)) {
    const path = join(git.workTree, FOLDER, name);
    if (object === undefined) rmSync(path);
    else writeFileSync(path, stringify(object));
  }
  const commit = await git.commit(Object.keys(change).join());
  await argo.refresh(SAMPLE);
  return commit;
}

/** It says so, and of that commit. */
const untilOf = (commit: string, whole: string) =>
  argo.until(SAMPLE, `is ${whole} at ${commit}`, (one) => is(whole)(one) && one.status?.sync?.revision === commit);

beforeAll(async () => {
  cluster = await startCluster({ images: await testedImages(), nodes: 1 });
  const { controlPlane } = cluster;
  git = await startGitServer({ paths: ['charts/isthmus', FOLDER] });
  argo = await startArgocd(controlPlane);
  eyes = new Eyes(controlPlane, 'mail');
  const patch = ['--type', 'merge', '--patch-file', join(ROOT, 'deploy/argocd/argocd-cm.yaml')];
  await controlPlane.kubectlOrThrow(['patch', 'configmap', 'argocd-cm', '--namespace', 'argocd', ...patch]);
  await controlPlane.kubectlOrThrow(['apply', '-f', '-'], { input: applications() });
});
afterAll(async () => {
  await argo?.stop();
  await git?.stop();
  await cluster?.stop();
});

test('the chart comes into force, the sample waits for its Secret, and is healthy when relays run it', async () => {
  const waiting = await argo.until(SAMPLE, 'waits', is('Progressing Synced'));
  expect(stateOf(waiting)).toMatchObject({ 'SharedDomain shared': 'Progressing Synced' });
  await eyes.apply(secret('shared-dkim', { 'private.key': makeDkimKey().privateKey }));
  const healthy = await argo.until(SAMPLE, 'is in force', is('Healthy Synced'));
  expect(Object.values(stateOf(healthy))).toEqual(Array.from({ length: 7 }, () => 'Healthy Synced'));
  await argo.until(OPERATOR, 'is in force', is('Healthy Synced'));
});

test('nothing differs when it looks again, and nothing that the operator makes is taken for its own', async () => {
  for (const name of [OPERATOR, SAMPLE]) {
    const before = await argo.application(name);
    const after = await argo.refresh(name);
    expect(stateOf(after)).toEqual({ ...stateOf(after), all: 'Healthy Synced' });
    expect(after.status?.operationState?.startedAt).toBe(before?.status?.operationState?.startedAt);
  }
  const made = await eyes.list(MADE, '--selector', 'isthmus.dev/fleet=default');
  expect(made.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['Deployment', 'Service', 'Pod', 'Secret']));
  expect(made.filter(({ metadata }) => metadata.annotations?.[TRACKING] !== undefined)).toEqual([]);
});

test('what nobody can bring into force is degraded, and what leaves the repository leaves the cluster', async () => {
  const addresses = [{ internal: 'johnny@tenant1.example', external: 'john.smith@shared.example' }];
  const second = { ...john({ addresses }), metadata: { name: 'second' } };
  const degraded = await untilOf(await publish({ 'second.yaml': second }), 'Degraded Synced');
  expect(stateOf(degraded)).toMatchObject({
    'RewriteRule second': 'Degraded Synced',
    'RewriteRule john': 'Healthy Synced',
  });
  await untilOf(await publish({ 'second.yaml': undefined }), 'Healthy Synced');
  expect(await eyes.get('rewriterule', 'second')).toBeUndefined();
});

test('what is changed by hand is changed back', async () => {
  const replaced = (await eyes.get('rewriterule', 'john'))?.metadata.uid;
  await eyes.remove('rewriterule', 'john');
  const patch = ['--type', 'merge', '--patch', '{"spec": {"nextHop": {"tls": {"mode": "Opportunistic"}}}}'];
  await cluster.controlPlane.kubectlOrThrow(['patch', 'tenantroute', 'tenant2', '--namespace', 'mail', ...patch]);
  const back = await eyes.until('rewriterule', 'john', 'is back', (seen) => seen !== undefined);
  expect(back?.metadata.uid).not.toBe(replaced);
  const isVerified = (seen: Seen | undefined) => JSON.stringify(seen?.spec).includes('"mode":"Verified"');
  const mended = await eyes.until('tenantroute', 'tenant2', 'is as in the repository', isVerified);
  expect(mended?.spec).toMatchObject({ nextHop: { tls: { mode: 'Verified' } } });
});

test('a fleet is paused and set going again from the repository, in the same wave as the rest', async () => {
  const fleet = (paused: boolean) => ({ 'fleet.yaml': relayFleet('default', { ...ONE_POD, paused }) });
  const paused = await untilOf(await publish(fleet(true)), 'Suspended Synced');
  expect(stateOf(paused)['RelayFleet default']).toBe('Suspended Synced');
  const going = await untilOf(await publish(fleet(false)), 'Healthy Synced');
  expect(stateOf(going)['RelayFleet default']).toBe('Healthy Synced');
});

test('the operator goes and relays stay; then what the repository said goes, and kinds and keys stay', async () => {
  const { kubectlOrThrow } = cluster.controlPlane;
  const finalizer = '{"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io/foreground"]}}';
  const remove = async (name: string) => {
    const place = ['application', name, '--namespace', 'argocd'];
    await kubectlOrThrow(['patch', ...place, '--type', 'merge', '--patch', finalizer]);
    await kubectlOrThrow(['delete', ...place, '--timeout=60s']);
  };
  await remove(OPERATOR);
  expect(await eyes.get('deployment', 'isthmus-operator')).toBeUndefined();
  expect((await eyes.get('deployment', 'default-relay'))?.status).toMatchObject({ readyReplicas: 1 });
  expect(await eyes.list('isthmus')).toHaveLength(7);
  await remove(SAMPLE);
  expect(await eyes.list('isthmus')).toEqual([]);
  expect(await eyes.get('secret', 'default-signing')).toBeDefined();
});
