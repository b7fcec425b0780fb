/**
 * What the READMEs of deploy/samples tell a newcomer to type, typed on a cluster as it stands there: each folder comes into force
 * as a whole, and Argo CD's script calls every resource of it healthy.
 */

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../../demo/certificates.ts';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { runOrThrow } from '../../support/child-process.ts';
import { luaHealth } from '../../support/lua.ts';
import { ROOT } from '../../support/test-files.ts';
import { buildProgram } from '../build.ts';
import { testedImages } from '../fleet/images.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { installChart } from './installed.ts';

interface Sample {
  readonly folder: string;
  /** It names its fleet itself. */
  readonly ownFleet: boolean;
  readonly resources: number;
}

const SAMPLES: readonly Sample[] = [
  { folder: 'two-tenants', ownFleet: false, resources: 7 },
  { folder: 'two-exchange-tenants', ownFleet: true, resources: 7 },
  { folder: 'on-premises-authority', ownFleet: false, resources: 5 },
];
const HEALTH = join(ROOT, 'deploy/argocd/health.lua');
/** With what a reader makes his own copy of a sample. */
const COPY = 'my-folder';
const COMMAND = /^\s*\$ ((?:openssl|kubectl) .*)$/gm;
/** One pod: three for each of three fleets are too many for a small machine. */
const FLEET = 'apiVersion: isthmus.dev/v1alpha1\nkind: RelayFleet\nmetadata: {name: default}\nspec: {replicas: 1}\n';

let cluster: Cluster;
let programs: string;

beforeAll(async () => {
  cluster = await startCluster({ images: await testedImages() });
  await installChart(cluster, 'isthmus-system', { clusterWide: true, defaultFleet: { create: false } });
  programs = join(cluster.controlPlane.folder, 'programs');
  mkdirSync(programs);
  symlinkSync(await buildProgram('kubectl'), join(programs, 'kubectl'));
}, 300_000);
afterAll(() => cluster?.stop());

/** The commands for a cluster, as they stand in the sample's README but for the namespace. */
function commandsOf(folder: string): string[] {
  const readme = readFileSync(join(ROOT, 'deploy/samples', folder, 'README.md'), 'utf8');
  const all = [...readme.matchAll(COMMAND)].map((match) => match[1] ?? '');
  return all.filter((line) => !line.includes('--dry-run')).map((line) => line.replace('-n mail', `-n ${folder}`));
}

/** Runs them where a reader would: in a folder with a copy of the sample. */
async function follow(folder: string): Promise<readonly string[]> {
  const { controlPlane } = cluster;
  const place = join(controlPlane.folder, folder);
  mkdirSync(place);
  cpSync(join(ROOT, 'deploy/samples', folder), join(place, COPY), { recursive: true });
  const { certificate, key } = makeAuthority().issue('relay.shared.example');
  writeFileSync(join(place, 'relay.crt'), certificate);
  writeFileSync(join(place, 'relay.key'), key);
  const commands = commandsOf(folder);
  const env = { PATH: `${programs}:${process.env['PATH']}`, KUBECONFIG: controlPlane.kubeconfig, HOME: place };
  for (const command of commands) await runOrThrow('sh', ['-ec', command], { cwd: place, env });
  return commands;
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

function stateOf(object: KubeObject) {
  const { conditions = [] } = (object.status ?? {}) as { readonly conditions?: readonly Condition[] };
  const isTrue = conditions.filter(({ status }) => status === 'True').map(({ type }) => type);
  return [`${object.kind} ${object.metadata.name}`, luaHealth(HEALTH, object).status, ...isTrue.sort()];
}

describe.each(SAMPLES)('the README of $folder', ({ folder, ownFleet, resources }) => {
  test('brings every resource into force, and Argo CD calls each healthy', async () => {
    const { controlPlane } = cluster;
    await controlPlane.kubectlOrThrow(['create', 'namespace', folder]);
    if (!ownFleet) await controlPlane.apply(FLEET, '--namespace', folder);
    const commands = await follow(folder);
    expect(commands.some((command) => command.startsWith('kubectl apply --server-side'))).toBe(true);
    expect(commands.some((command) => command.startsWith('kubectl wait'))).toBe(true);

    const ask = ['--namespace', folder, '--all', 'isthmus', '--timeout=120s'];
    await controlPlane.kubectlOrThrow(['wait', '--for=condition=Ready', ...ask]);
    const rolledOut = ['wait', '--for=condition=RolledOut', '--namespace', folder, '--all', 'relayfleets'];
    await controlPlane.kubectlOrThrow([...rolledOut, '--timeout=120s']);
    const listed = await controlPlane.kubectlOrThrow(['get', 'isthmus', '--namespace', folder, '-o', 'json']);
    const { items } = JSON.parse(listed) as { items: KubeObject[] };
    expect(items).toHaveLength(resources);
    const inForce = ['Healthy', 'Accepted', 'Programmed', 'Ready', 'ResolvedRefs'];
    const ofFleets = (kind: string) => (kind === 'RelayFleet' ? ['RolledOut'] : []);
    expect(items.map(stateOf)).toEqual(
      items.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, ...inForce, ...ofFleets(kind)]),
    );
    // Two samples have the same shared domain: the next would be told that this one holds it.
    await controlPlane.kubectlOrThrow(['delete', 'isthmus', '--all', '--namespace', folder]);
  }, 180_000);
});
