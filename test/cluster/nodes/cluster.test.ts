/** The cluster that other tests stand on: its nodes run pods, its load balancer reaches them, and what fails fails as it should. */

import { Resolver } from 'node:dns/promises';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProgram } from '../build.ts';
import { until } from '../daemon.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { startMetricsServer } from './metrics-server.ts';
import { staticImage } from './pod-images.ts';

const PORT = 2525;
const pods = mkdtempSync(join(tmpdir(), 'isthmus-echo-'));
let cluster: Cluster;

beforeAll(async () => {
  const image = await staticImage('echo', await buildProgram('echo'), pods);
  cluster = await startCluster({ images: [image], zones: { 'shared.example': '@ MX 10 mx\nmx A 198.51.100.7' } });
}, 180_000);

afterAll(async () => {
  await cluster.stop();
  rmSync(pods, { recursive: true, force: true });
});

const named = (name: string) => ({ apiVersion: 'v1', metadata: { name, namespace: 'default' } });
const labels = { app: 'echo' };

/** A pod of it on each node, and a Service that keeps the client's address. */
function echo(): string {
  const spread = {
    ...{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
    labelSelector: { matchLabels: labels },
  };
  const container = {
    ...{ name: 'echo', image: 'localhost/isthmus/echo:1', imagePullPolicy: 'Never' },
    readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
  };
  const pod = { topologySpreadConstraints: [spread], containers: [container], terminationGracePeriodSeconds: 1 };
  const template = { metadata: { labels }, spec: pod };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  const ports = [{ port: 25, targetPort: PORT }];
  const service = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: labels, ports };
  return [
    { ...named('echo'), apiVersion: 'apps/v1', kind: 'Deployment', spec },
    { ...named('echo'), kind: 'Service', spec: service },
  ]
    .map((object) => stringify(object))
    .join('---\n');
}

/** What the server said to a client at 10.96.0.9; empty when it could not be reached. */
async function hear(address: string): Promise<string> {
  const { stdout } = await cluster.client.run('timeout', ['3', 'bash', '-c', `cat < /dev/tcp/${address}/25`]);
  return stdout.trim();
}

const kubectl = (...args: string[]) => cluster.controlPlane.kubectlOrThrow(args);
const available = () => kubectl('wait', 'deployment/echo', '--for=condition=Available', '--timeout=60s');

const bothServe = () => until('both nodes serve', () => cluster.serving('default', 'echo').length === 2);

async function nodesOfPods(): Promise<string[]> {
  const path = '{range .items[*]}{.spec.nodeName}{"\\n"}{end}';
  return (await kubectl('get', 'pods', '-l', 'app=echo', '-o', `jsonpath=${path}`)).trim().split('\n').sort();
}

test('pods on both nodes answer a client outside through the load balancer, and see its own address', async () => {
  await cluster.controlPlane.apply(echo());
  await available();
  const address = await cluster.loadBalancerAddress('default', 'echo');
  await bothServe();
  expect(await nodesOfPods()).toEqual(['node1', 'node2']);
  const heard = new Set<string>();
  await until('both pods were heard', async () => {
    heard.add(await hear(address));
    return heard.size === 2;
  });
  for (const line of heard) expect(line).toMatch(/^10\.96\.0\.9 echo-/);
}, 120_000);

test('the DNS server that pods ask answers for Services and for zones that change', async () => {
  const ip = await kubectl('get', 'service', 'echo', '-o', 'jsonpath={.spec.clusterIP}');
  const resolver = new Resolver();
  resolver.setServers([cluster.address]);
  expect(await resolver.resolve4('echo.default.svc.cluster.local')).toEqual([ip]);
  expect(await resolver.resolveMx('shared.example')).toMatchObject([{ exchange: 'mx.shared.example', priority: 10 }]);
  cluster.setZone('shared.example', '@ MX 10 other\nother A 198.51.100.8');
  await until('the changed zone is served', async () => {
    const [mx] = await resolver.resolveMx('shared.example');
    return mx?.exchange === 'other.shared.example';
  });
}, 60_000);

test("under the policy Cluster every node forwards, and the address that the pod sees is a node's", async () => {
  const address = await cluster.loadBalancerAddress('default', 'echo');
  const policy = (name: string) =>
    kubectl('patch', 'service', 'echo', '--patch', JSON.stringify({ spec: { externalTrafficPolicy: name } }));
  await policy('Cluster');
  await until('a node forwards', async () => /^10\.98\./.test(await hear(address)));
  await bothServe();
  await policy('Local');
  await until('the client is seen again', async () => (await hear(address)).startsWith(cluster.client.address));
  await bothServe();
  expect(await hear(address)).toMatch(/^10\.96\.0\.9 /);
}, 60_000);

test('metrics-server tells what each pod uses, as autoscaling wants it', async () => {
  const metrics = await startMetricsServer(cluster);
  const path = '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods';
  const names = async () => {
    const { body } = await cluster.controlPlane.ask(path);
    const { items = [] } = body as { items?: { metadata: { name: string } }[] };
    return items.map(({ metadata }) => metadata.name);
  };
  // The first figures of a pod are there after two rounds.
  await until('both pods are measured', async () => (await names()).length === 2, { seconds: 60, every: 500 });
  for (const name of await names()) expect(name).toMatch(/^echo-/);
  await metrics.stop();
}, 120_000);

test('pods answer while the API server is gone, and it comes back with what it knew', async () => {
  const address = await cluster.loadBalancerAddress('default', 'echo');
  await cluster.controlPlane.stopApi();
  expect(await hear(address)).toMatch(/^10\.96\.0\.9 /);
  await cluster.controlPlane.startApi();
  expect(await nodesOfPods()).toEqual(['node1', 'node2']);
}, 60_000);

test('a drained node loses its pods to the other, and gets none until it is uncordoned', async () => {
  await kubectl('drain', 'node2', '--ignore-daemonsets', '--timeout=60s');
  // The Deployment calls itself available until it has noticed.
  await expect.poll(nodesOfPods, { timeout: 60_000, interval: 250 }).toEqual(['node1', 'node1']);
  await available();
  await kubectl('uncordon', 'node2');
}, 120_000);

test('a node that loses its power is out of service, and its pods start again on the other', async () => {
  const address = await cluster.loadBalancerAddress('default', 'echo');
  await cluster.killNode('node1');
  await until(
    'pods run on the other node',
    async () => {
      const args = ['get', 'pods', '-l', 'app=echo', '--field-selector=spec.nodeName=node2', '-o', 'name'];
      return (await kubectl(...args)).trim().split('\n').filter(Boolean).length === 2;
    },
    { seconds: 90, every: 500 },
  );
  await until('only the other node serves', () => cluster.serving('default', 'echo').join() === 'node2');
  expect(await hear(address)).toMatch(/^10\.96\.0\.9 echo-/);
}, 120_000);

test('a node has a control group of its own in every hierarchy', () => {
  const groups = readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' });
  expect(groups.filter((path) => /isthmus-cluster-\w+-node2$/.test(path))).not.toEqual([]);
});
