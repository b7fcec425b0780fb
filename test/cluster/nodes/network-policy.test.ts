/**
 * Every connection that relays and the operator make or take on real nodes, held against their NetworkPolicies as they are
 * stored: what is let through is what mail needs. Nothing here enforces them; a network that does would cut none of these.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TWO_TENANTS_PART } from '../../../demo/parts.ts';
import { play } from '../../../demo/play.ts';
import { allows, type Place, type Policy } from '../../operator/manifests/network-flows.ts';
import { buildProgram } from '../build.ts';
import { until } from '../daemon.ts';
import { testedImages } from '../fleet/images.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Connection, type Connections, watchConnections } from './connections.ts';
import { type Installed, install } from './installed.ts';
import { nodeAddress, podRange, ROUTER } from './network.ts';
import { staticImage } from './pod-images.ts';

interface Item {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Record<string, string> };
  readonly spec: { readonly nodeName?: string; readonly clusterIP?: string };
  readonly status?: { readonly podIP?: string };
}

/** A next hop that comes later: an address where nobody listens, and a Service whose pods listen on another port. */
const LATER = { address: '10.98.255.104', port: 2526 };
const POST = { namespace: 'post', port: 2600, podPort: 2525 };
const METADATA = '169.254.169.254';
const TENANT1 = '10.98.255.101';
const WORLD = '10.98.255.103';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-echo-'));
let cluster: Cluster;
let installed: Installed;
let connections: Connections;

beforeAll(async () => {
  const echo = await staticImage('echo', await buildProgram('echo'), folder);
  cluster = await startCluster({ images: [...(await testedImages()), echo] });
  connections = await watchConnections(cluster);
  await cluster.controlPlane.apply(post());
  installed = await install(cluster);
  await installed.programmed();
  for (const name of ['default-relay', 'isthmus-operator']) {
    await kubectl('rollout', 'status', `deployment/${name}`, '--namespace', installed.namespace, '--timeout=120s');
  }
}, 300_000);

afterAll(async () => {
  await connections?.stop();
  await cluster?.stop();
  await installed?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const kubectl = (...args: string[]) => cluster.controlPlane.kubectlOrThrow(args);

function post(): string {
  const { namespace, port, podPort } = POST;
  const labels = { app: 'post' };
  const metadata = { name: 'post', namespace };
  const containers = [{ name: 'post', image: 'localhost/isthmus/echo:1', imagePullPolicy: 'Never' }];
  const pod = { ...metadata, labels };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Pod', metadata: pod, spec: { containers, terminationGracePeriodSeconds: 1 } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port, targetPort: podPort }] } },
  ]
    .map((object) => stringify(object))
    .join('---\n');
}

async function list<T = Item>(kind: string): Promise<readonly T[]> {
  return (JSON.parse(await kubectl('get', kind, '--all-namespaces', '--output', 'json')) as { items: T[] }).items;
}

/** What is known of who has an address now. */
async function atlas() {
  const [pods, namespaces, policies] = await Promise.all([
    list('pods'),
    list('namespaces'),
    list<Policy>('networkpolicies'),
  ]);
  const namespaceLabels = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const at = (address: string): Place & { readonly node?: string } => {
    const found = pods.find(({ status }) => status?.podIP === address);
    if (found === undefined) return { address };
    const { namespace, labels = {} } = found.metadata;
    const pod = { namespace, labels, namespaceLabels: namespaceLabels.get(namespace) ?? {} };
    return { address, pod, node: found.spec.nodeName ?? '' };
  };
  const nameOf = (address: string) => {
    const { pod } = at(address);
    return pod?.labels['app.kubernetes.io/component'] ?? pod?.labels['app'] ?? address;
  };
  /** Once for a network in which a block of addresses means pods, and once for one in which it never does. */
  const answers = ({ from, to, protocol, port }: Connection) =>
    [true, false].map((blocksMeanPods) =>
      policies.every((policy) => allows(policy, { from: at(from), to: at(to), protocol, port }, blocksMeanPods)),
    );
  const address = (component: string) => {
    const pod = pods.find(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === component);
    return pod?.status?.podIP ?? '';
  };
  return { at, nameOf, answers, address, policies, post: postAddress(pods) };
}

const postAddress = (pods: readonly Item[]) =>
  pods.find(({ metadata }) => metadata.namespace === POST.namespace)?.status?.podIP ?? '';

type Atlas = Awaited<ReturnType<typeof atlas>>;

/** Kubernetes: from its own node a pod is always reached. Kubelets ask there. */
function isFromOwnNode({ at }: Atlas, { from, to }: Connection): boolean {
  const number = Number(/^node(\d+)$/.exec(at(to).node ?? '')?.[1] ?? 0);
  return number > 0 && [nodeAddress(number), podRange(number).replace('0/24', '1')].includes(from);
}

/** As `relay → 10.98.255.101 TCP 25`, each once. */
const told = ({ nameOf }: Atlas, all: readonly Connection[]): Set<string> =>
  new Set(all.map(({ from, to, protocol, port }) => `${nameOf(from)} → ${nameOf(to)} ${protocol} ${port}`));

function refused(known: Atlas): string[] {
  const all = connections.all().filter((each) => !isFromOwnNode(known, each));
  return [
    ...told(
      known,
      all.filter((each) => known.answers(each).includes(false)),
    ),
  ];
}

test('while the story is told, policies let through every connection that is made', async () => {
  for (const act of TWO_TENANTS_PART.acts) {
    const scenes = await play(act, installed.stage);
    expect(scenes.flatMap(({ failures }) => failures)).toEqual([]);
  }
  const swaks = ['--server', installed.address, '--from', 'anna@world.example', '--to', 'mary.jones@shared.example'];
  expect(await cluster.client.run('swaks', swaks)).toMatchObject({ code: 0 });
  const known = await atlas();
  expect(known.policies).toHaveLength(2);
  const seen = told(known, connections.all());
  for (const wanted of [
    `${cluster.client.address} → relay TCP 2525`,
    `relay → ${ROUTER} UDP 53`,
    `relay → ${TENANT1} TCP 25`,
    `relay → ${WORLD} TCP 25`,
    'operator → relay TCP 9090',
    `operator → ${ROUTER} TCP 6443`,
  ])
    expect([...seen]).toContain(wanted);
  expect(refused(known)).toEqual([]);
}, 120_000);

test('a next hop on another port is let through once it is programmed, and so is the pod behind a Service', async () => {
  const hosts = [
    { host: 'later.tenant1.example', port: LATER.port },
    { host: `post.${POST.namespace}.svc.cluster.local`, port: POST.port },
    { host: 'mail.tenant1.example', port: 25 },
  ];
  const before = await atlas();
  const later = { from: before.address('relay'), to: LATER.address, protocol: 'TCP', port: LATER.port } as const;
  expect(before.answers(later)).toEqual([false, false]);
  cluster.setZone('tenant1.example', `@ MX 10 mail\nmail A ${TENANT1}\nlater A ${LATER.address}`);
  const patch = JSON.stringify({ spec: { nextHop: { hosts } } });
  await kubectl('patch', 'tenantroute', 'tenant1', '-n', installed.namespace, '--type=merge', '--patch', patch);
  await installed.programmed();
  const known = await atlas();
  expect(known.answers(later)).toEqual([true, true]);

  const wanted = [`relay → ${LATER.address} TCP ${LATER.port}`, `relay → post TCP ${POST.podPort}`];
  const swaks = ['--server', installed.address, '--from', 'anna@world.example', '--to', 'john.smith@shared.example'];
  await until('both have been tried', async () => {
    await cluster.client.run('swaks', swaks);
    const seen = told(known, connections.all());
    return wanted.every((each) => seen.has(each));
  });
  expect(refused(known)).toEqual([]);
}, 120_000);

test('what no mail needs is not let through', async () => {
  const known = await atlas();
  const [relay, operator] = [known.address('relay'), known.address('operator')];
  const service = (await list('services')).find(({ metadata }) => metadata.name === 'kubernetes')?.spec.clusterIP ?? '';
  const outside = cluster.client.address;
  const rows: readonly [from: string, to: string, port: number][] = [
    [relay, ROUTER, 6443],
    [relay, ROUTER, 443],
    [relay, service, 443],
    [relay, METADATA, 80],
    [relay, METADATA, 25],
    [relay, known.post, 80],
    [relay, operator, 8080],
    [relay, operator, 8081],
    [relay, nodeAddress(1), 10_250],
    [relay, outside, 80],
    [outside, relay, 9090],
    [outside, operator, 8080],
    [operator, known.post, 2525],
    [operator, relay, 2525],
    [operator, outside, 25],
  ];
  const answers = rows.map(([from, to, port]) => [from, to, port, known.answers({ from, to, port, protocol: 'TCP' })]);
  expect(answers).toEqual(rows.map((row) => [...row, [false, false]]));
}, 60_000);
