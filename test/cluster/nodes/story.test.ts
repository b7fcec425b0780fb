/** The demo's story of two tenants told on a cluster: through the Service and three relay pods, from the samples and the chart. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { TWO_TENANTS_PART } from '../../../demo/parts.ts';
import { play } from '../../../demo/play.ts';
import { testedImages } from '../fleet/images.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Installed, install } from './installed.ts';
import { Eyes } from '../operator/seen.ts';

const NO_IMAGE = 'localhost/isthmus/relay:on-no-node';

let cluster: Cluster;
let installed: Installed;

beforeAll(async () => {
  cluster = await startCluster({ images: await testedImages() });
  installed = await install(cluster);
  await installed.programmed();
  await waitForFleet('condition=RolledOut');
}, 300_000);
// The pods first: mail systems wait for connections that relays keep.
afterAll(async () => {
  await cluster?.stop();
  await installed?.stop();
});

function waitForFleet(what: string): Promise<string> {
  const wait = ['wait', 'rfleet', 'default', '--namespace', installed.namespace, `--for=${what}`];
  return cluster.controlPlane.kubectlOrThrow([...wait, '--timeout=120s']);
}

async function sendMail(): Promise<void> {
  const from = ['--from', 'anna@world.example', '--to', 'mary.jones@shared.example'];
  const swaks = await cluster.client.run('swaks', ['--server', installed.address, '--tls', ...from]);
  expect(swaks).toMatchObject({ code: 0 });
}

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
  await sendMail();
  const logs = ['logs', '--namespace', installed.namespace, '--selector', 'app.kubernetes.io/name=isthmus-relay'];
  const said = await cluster.controlPlane.kubectlOrThrow([...logs, '--tail=-1']);
  expect(said).toContain(cluster.client.address);
});

test('an image that no node has stops its rollout and no mail; the fleet says so, and goes on once it is corrected', async () => {
  const eyes = new Eyes(cluster.controlPlane, installed.namespace);
  const before = (await eyes.get('relayfleet', 'default'))?.status?.['image'];
  await setImage(NO_IMAGE);
  const { message } = await eyes.untilReason('relayfleet', 'default', 'Reconciling', 'PodsCannotStart');
  expect(message).toMatch(
    /^1 of 3 relays have the newest pod template, and 3 are ready\. Pod default-relay-\S+: ErrImageNeverPull/,
  );
  expect(message).toContain(NO_IMAGE);
  expect(await eyes.condition('relayfleet', 'default', 'Ready')).toMatchObject({ status: 'True' });
  expect(await eyes.condition('relayfleet', 'default', 'RolledOut')).toMatchObject({ status: 'False', message });
  await sendMail();
  await setImage(null);
  await waitForFleet(`jsonpath={.status.image}=${before}`);
  expect(await eyes.condition('relayfleet', 'default', 'Reconciling')).toBeUndefined();
  expect((await eyes.get('relayfleet', 'default'))?.status).toMatchObject({ replicas: 3, updatedReplicas: 3 });
  await sendMail();
});

/** null: the operator's. */
async function setImage(image: string | null): Promise<void> {
  const patch = ['--type', 'merge', '--patch', JSON.stringify({ spec: { image } })];
  await cluster.controlPlane.kubectlOrThrow(['patch', 'rfleet', 'default', '-n', installed.namespace, ...patch]);
}
