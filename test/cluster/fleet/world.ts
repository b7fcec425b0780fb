/**
 * A fleet as users have it, on real nodes: the images of this checkout, the chart installed by helm with its own Deployment and
 * rights, relay pods as the operator makes them behind their load balancer, and the mail systems around them.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { makeDkimKey } from '../../../demo/scenery.ts';
import { runOrThrow } from '../../support/child-process.ts';
import { ROOT } from '../../support/test-files.ts';
import { buildProgram } from '../build.ts';
import { until } from '../daemon.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../nodes/cluster.ts';
import { socketOf } from '../nodes/node-settings.ts';
import { Eyes } from '../operator/seen.ts';
import { RELAY_IMAGE, TAG, testedImages } from './images.ts';
import { type Load, type LoadSettings, startLoad } from './load.ts';
import { type RelayPod, relayPods, statusOf } from './pods.ts';
import { beginning, FLEET, SELECTOR } from './resources.ts';
import { type Sinks, startSinks } from './sinks.ts';
import { WORLD_CLIENT } from './traffic.ts';

export const NAMESPACE = 'mail';
/** Another name for the same image, so that a Deployment changes and the program does not. */
export const OTHER_IMAGE = `${RELAY_IMAGE}:other`;

export interface World {
  readonly cluster: Cluster;
  readonly eyes: Eyes;
  readonly sinks: Sinks;
  /** Of the fleet's Service. */
  readonly address: string;
  /** TXT records of the keys that sign, by name. */
  readonly dkimRecords: Record<string, string>;
  /** In the fleet's namespace; an exit code other than 0 is an error. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** A merge patch of `rewriterules/extra` or `configmaps/table`, sent by ourselves: kubectl takes longer to start. */
  merge(path: string, body: object): Promise<void>;
  patchFleet(spec: Readonly<Record<string, unknown>>): Promise<void>;
  load(wishes?: Partial<LoadSettings>): Promise<Load>;
  /** Those that are not ending. */
  pods(): Promise<RelayPod[]>;
  /** Resolves when exactly so many pods are there, ready, and none is ending. */
  settled(replicas: number): Promise<RelayPod[]>;
  programmed(): Promise<void>;
  /** Resolves when the operator's Deployment has so many pods, all ready. */
  scaleOperator(replicas: number): Promise<void>;
  /** Kills the first process of a pod as a bug or the kernel would. */
  killProcess(pod: Pick<RelayPod, 'node' | 'container'>): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions extends ClusterOptions {
  /** Of the RelayFleet, instead of what resources.ts says; with `replicas` pods it begins. */
  readonly fleet?: Readonly<Record<string, unknown>>;
  /** Default: 3. */
  readonly replicas?: number;
}

/** An operator that is killed is missed for seconds, not for a quarter of a minute. */
const ELECTION = { leaseDurationSeconds: 6, renewDeadlineSeconds: 4, retryPeriodSeconds: 1 };
const VALUES = {
  ...{ image: { pullPolicy: 'Never', tag: TAG }, relayImage: { tag: TAG }, leaderElection: ELECTION },
  ...{ replicas: 1, defaultFleet: { create: false } },
};
const PATIENCE_SECONDS = 120;

export async function startWorld({ fleet, replicas = 3, ...options }: WorldOptions = {}): Promise<World> {
  const images = await testedImages();
  const cluster = await startCluster({ ...options, images: [...(options.images ?? []), ...images] });
  const closers = [() => cluster.stop()];
  const stop = async () => {
    for (const close of closers) await close();
  };
  try {
    await runOrThrow('sh', ['-ec', nameAgain(cluster)]);
    await cluster.client.run('ip', ['address', 'add', `${WORLD_CLIENT}/24`, 'dev', 'eth0']);
    const sinks = await startSinks(cluster);
    closers.push(() => sinks.stop());
    await installChart(cluster);
    const eyes = new Eyes(cluster.controlPlane, NAMESPACE);
    const dkim = makeDkimKey();
    const keys = {
      ...{ authority: sinks.authority.certificate, dkim: dkim.privateKey },
      relay: sinks.authority.issue('relay.shared.example'),
    };
    await eyes.apply(...beginning(keys, { replicas, ...fleet }));
    const address = await cluster.loadBalancerAddress(NAMESPACE, `${FLEET}-relay`);
    const dkimRecords = { [`${SELECTOR}._domainkey.shared.example`]: dkim.record };
    const world = worldOf(cluster, eyes, sinks, { address, dkimRecords, stop });
    await world.programmed();
    await world.settled(replicas);
    await until('the load balancer sends somewhere', () => cluster.serving(NAMESPACE, `${FLEET}-relay`).length > 0);
    return world;
  } catch (cause) {
    await stop();
    throw cause;
  }
}

function worldOf(
  cluster: Cluster,
  eyes: Eyes,
  sinks: Sinks,
  parts: Pick<World, 'address' | 'dkimRecords' | 'stop'>,
): World {
  const { controlPlane } = cluster;
  const kubectl = (...args: readonly string[]) => controlPlane.kubectlOrThrow([...args, '--namespace', NAMESPACE]);
  const pods = async () => (await relayPods(eyes)).filter(({ ending }) => !ending);
  const merge: World['merge'] = async (path, body) => {
    const group = path.startsWith('configmaps/') ? '/api/v1' : '/apis/isthmus.dev/v1alpha1';
    const place = `${group}/namespaces/${NAMESPACE}/${path}`;
    const contentType = 'application/merge-patch+json';
    const { status, body: answer } = await controlPlane.ask(place, { method: 'PATCH', contentType, body });
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
  };
  return {
    ...{ cluster, eyes, sinks, kubectl, pods, merge, ...parts },
    patchFleet: (spec) => merge(`relayfleets/${FLEET}`, { spec }),
    load: (wishes) => startLoad(cluster.client, parts.address, sinks, wishes),
    settled: async (replicas) => {
      let seen: RelayPod[] = [];
      const isSettled = async () => {
        seen = await relayPods(eyes);
        return seen.length === replicas && seen.every(({ ready, ending }) => ready && !ending);
      };
      const detail = () => JSON.stringify(seen, undefined, 1);
      await until(`${replicas} relay pods and no others`, isSettled, {
        ...{ seconds: PATIENCE_SECONDS, every: 250, detail },
      });
      return seen;
    },
    programmed: async () => {
      const args = ['wait', '--for=condition=Programmed', '--all', 'isthmus', `--timeout=${PATIENCE_SECONDS}s`];
      const { code, stderr } = await controlPlane.kubectl([...args, '--namespace', NAMESPACE]);
      if (code !== 0) throw new Error(`not programmed: ${stderr}${await whatIsWrong(cluster, eyes)}`);
    },
    scaleOperator: async (replicas) => {
      await kubectl('scale', 'deployment/isthmus-operator', `--replicas=${replicas}`);
      const left = async () => (await eyes.list('pods', '-l', 'app.kubernetes.io/name=isthmus')).length;
      // After an outage of the API server a kubelet hears of it a minute late.
      await until(`the operator has ${replicas} pods`, async () => (await left()) === replicas, {
        ...{ seconds: PATIENCE_SECONDS, every: 250 },
      });
      await kubectl('rollout', 'status', 'deployment/isthmus-operator', `--timeout=${PATIENCE_SECONDS}s`);
    },
    killProcess: async ({ node, container }) => {
      const machine = cluster.nodes.find(({ name }) => name === node);
      if (machine === undefined) throw new Error(`there is no ${node}`);
      const socket = socketOf(join(controlPlane.folder, node));
      await runOrThrow('ctr', ['-a', socket, '-n', 'k8s.io', 'tasks', 'kill', '--signal', 'SIGKILL', container]);
    },
  };
}

const nameAgain = ({ nodes, controlPlane }: Cluster): string =>
  nodes
    .map(({ name }) => {
      const socket = socketOf(join(controlPlane.folder, name));
      return `ctr -a ${socket} -n k8s.io images tag ${RELAY_IMAGE}:${TAG} ${OTHER_IMAGE}`;
    })
    .join('\n');

async function installChart({ controlPlane }: Cluster): Promise<void> {
  const helm = await buildProgram('helm');
  const { folder, kubeconfig } = controlPlane;
  const values = join(folder, 'values.yaml');
  writeFileSync(values, stringify(VALUES));
  const place = ['--kubeconfig', kubeconfig, '--namespace', NAMESPACE, '--create-namespace', '--values', values];
  const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
  await runOrThrow(helm, ['upgrade', '--install', 'isthmus', join(ROOT, 'charts/isthmus'), ...place], { env });
  await controlPlane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
}

/** Everything that somebody would look at first. */
export async function whatIsWrong({ controlPlane }: Cluster, eyes: Eyes): Promise<string> {
  const looks = [
    ['get', 'isthmus', '-o', 'wide'],
    ['get', 'pods', '-o', 'wide'],
    ['logs', '--selector', 'app.kubernetes.io/name=isthmus', '--prefix', '--tail=30'],
    ['logs', '--selector', 'app.kubernetes.io/name=isthmus-relay', '--prefix', '--tail=8'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
  ];
  const seen = await Promise.all(looks.map((args) => controlPlane.kubectl([...args, '--namespace', eyes.namespace])));
  const pods = await relayPods(eyes);
  const answers = await Promise.all(pods.map(async (pod) => `${pod.name}: ${JSON.stringify(await statusOf(pod))}\n`));
  return [...seen.map(({ stdout, stderr }) => `\n${stdout}${stderr}`), ...answers].join('');
}
