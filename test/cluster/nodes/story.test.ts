/** The demo's story of two tenants told on a cluster: through the Service and three relay pods, from the samples and the chart. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { TWO_TENANTS_PART } from '../../../demo/parts.ts';
import { play } from '../../../demo/play.ts';
import { testedImages } from '../fleet/images.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Installed, install } from './installed.ts';

let cluster: Cluster;
let installed: Installed;

beforeAll(async () => {
  cluster = await startCluster({ images: await testedImages() });
  installed = await install(cluster);
  await installed.programmed();
  const rollout = ['rollout', 'status', 'deployment/default-relay', '--namespace', installed.namespace];
  await cluster.controlPlane.kubectlOrThrow([...rollout, '--timeout=120s']);
}, 300_000);
// The pods first: mail systems wait for connections that relays keep.
afterAll(async () => {
  await cluster?.stop();
  await installed?.stop();
});

test.each(TWO_TENANTS_PART.acts.map((act) => [act.title, act] as const))('%s', async (_title, act) => {
  const scenes = await play(act, installed.stage);
  expect(scenes.length).toBeGreaterThan(0);
  expect(scenes.flatMap(({ failures }) => failures)).toEqual([]);
});

test('three relay pods run it, on both nodes', async () => {
  const selector = ['--namespace', installed.namespace, '--selector', 'app.kubernetes.io/name=isthmus-relay'];
  const path = 'jsonpath={range .items[*]}{.spec.nodeName}{"\\n"}{end}';
  const nodes = await cluster.controlPlane.kubectlOrThrow(['get', 'pods', ...selector, '-o', path]);
  const names = nodes.trim().split('\n');
  expect(names).toHaveLength(3);
  expect(new Set(names)).toEqual(new Set(['node1', 'node2']));
});

test('a relay sees the own address of a client outside the cluster', async () => {
  const from = ['--from', 'anna@world.example', '--to', 'mary.jones@shared.example'];
  const swaks = await cluster.client.run('swaks', ['--server', installed.address, '--tls', ...from]);
  expect(swaks).toMatchObject({ code: 0 });
  const logs = ['logs', '--namespace', installed.namespace, '--selector', 'app.kubernetes.io/name=isthmus-relay'];
  const said = await cluster.controlPlane.kubectlOrThrow([...logs, '--tail=-1']);
  expect(said).toContain(cluster.client.address);
});
