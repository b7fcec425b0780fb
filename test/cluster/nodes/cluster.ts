/**
 * A whole cluster of real nodes in a network namespace of its own, with DNS, a load balancer and a client outside of it. Whoever
 * calls this must have been started under UNSHARE (test/support/unshare.ts), as test/run.ts does for test/cluster/nodes.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ensurePackages } from '../../support/debian.ts';
import { type Finished, run } from '../../support/child-process.ts';
import { buildPrograms } from '../build.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { startDaemon, until } from '../daemon.ts';
import { writeKubeconfig } from '../authority.ts';
import { controlGroups } from './control-groups.ts';
import { startClusterDns } from './dns.ts';
import { startLoadBalancer } from './load-balancer.ts';
import { type Machine, startMachine } from './machine.ts';
import { CLIENT, makeRouter, nodeAddress, openNamespace, plugInClient, ROUTER } from './network.ts';
import { staticImage } from './pod-images.ts';

export interface ClusterOptions {
  /** Image archives that every node has from the beginning. */
  readonly images?: readonly string[];
  /** Zones that the cluster's DNS answers for, as in setZone(). */
  readonly zones?: Readonly<Record<string, string>>;
  /** Default: 2. */
  readonly nodes?: number;
  /** Added to what kube-controller-manager is started with. */
  readonly controllerManager?: readonly string[];
}

export interface Client {
  readonly address: string;
  /** Put before a command. */
  readonly inside: readonly string[];
  /** Runs a program outside the cluster to its end; `process.execPath` and a file for a program in TypeScript. */
  run(command: string, args: readonly string[], options?: { readonly input?: string }): Promise<Finished>;
}

export interface Cluster {
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly Machine[];
  readonly client: Client;
  /** Where this process is as seen from pods: beside the nodes, also outside the cluster. Servers it starts are reached here. */
  readonly address: string;
  /** The address of a Service of type LoadBalancer, once it has one. */
  loadBalancerAddress(namespace: string, service: string): Promise<string>;
  /** Names of the nodes that the load balancer sends new connections of that Service to. */
  serving(namespace: string, service: string): readonly string[];
  /** Imports an image archive on every node that is alive. */
  load(image: string): Promise<void>;
  /** Records in zone file syntax, without SOA and NS. */
  setZone(name: string, records: string): void;
  /** As if its power had failed. */
  killNode(name: string): Promise<void>;
  stop(): Promise<void>;
}

const PORT = 6443;
const LAST_LINES = 15;

/** A lost node is noticed in a test's time: after the grace period its pods are no endpoints, seconds later they are replaced. */
const CONTROLLER_MANAGER = ['--node-monitor-grace-period', '20s', '--node-monitor-period', '2s'];
const TOLERATIONS = ['--default-not-ready-toleration-seconds', '5', '--default-unreachable-toleration-seconds', '5'];

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  ensurePackages(['containerd', 'runc', 'containernetworking-plugins', 'iptables', 'iproute2', 'conntrack']);
  const programs = await buildPrograms(['kube-scheduler', 'kubelet', 'kube-proxy', 'coredns', 'pause']);
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    await makeRouter();
    const controlPlane = await startControlPlane({
      ...{ address: ROUTER, port: PORT },
      controllerManager: [...CONTROLLER_MANAGER, ...(options.controllerManager ?? [])],
      // kube-proxy runs on the nodes, not here: extension servers are reached at their pods' addresses.
      apiServer: ['--allow-privileged', '--enable-aggregator-routing', ...TOLERATIONS],
    });
    closers.push(() => controlPlane.stop());
    const { folder, authority, server } = controlPlane;
    const log = (name: string) => join(folder, 'log', `${name}.log`);
    const place = { server, ca: authority.certificate };

    const scheduler = join(folder, 'scheduler.kubeconfig');
    const credentials = await authority.issue('scheduler', '/CN=system:kube-scheduler');
    writeKubeconfig(scheduler, { ...place, credentials });
    const schedulerFlags = ['--kubeconfig', scheduler, '--leader-elect=false', '--secure-port=0'];
    const scheduling = startDaemon(programs['kube-scheduler'], schedulerFlags, { log: log('kube-scheduler') });
    closers.push(() => scheduling.kill());

    const { kubeconfig } = controlPlane;
    const zones = options.zones ?? {};
    const dns = await startClusterDns({ program: programs.coredns, address: ROUTER, folder, kubeconfig, zones });
    closers.push(() => dns.daemon.kill());

    const groups = await controlGroups(basename(folder));
    closers.push(() => groups.remove());
    const images = [await staticImage('pause', programs.pause, folder), ...(options.images ?? [])];
    const numbers = Array.from({ length: options.nodes ?? 2 }, (_, index) => index + 1);
    const common = { folder, server, authority, programs, images, controlGroups: groups };
    const nodes = await Promise.all(
      numbers.map(async (number) => {
        const machine = await startMachine({ ...common, number });
        closers.push(() => machine.kill());
        return machine;
      }),
    );

    const outside = await openNamespace('network', log('client'));
    closers.push(() => outside.daemon.kill());
    await plugInClient(outside);
    const backends = numbers.map((number) => ({ name: `node${number}`, address: nodeAddress(number) }));
    const balancer = await startLoadBalancer(controlPlane.ask, backends);
    closers.push(() => balancer.stop());

    await until('every node is ready', async () => (await readyNodes(controlPlane)) === nodes.length, {
      seconds: 180,
      detail: () => lastWords(folder),
    });
    const alive = new Set(nodes);
    return {
      ...{ controlPlane, nodes, stop, address: ROUTER, setZone: dns.setZone },
      client: {
        ...{ address: CLIENT, inside: outside.inside },
        run: (command, args, given = {}) => {
          const [program = '', ...rest] = [...outside.inside, command, ...args];
          return run(program, rest, given);
        },
      },
      loadBalancerAddress: (namespace, service) => balancer.addressOf(namespace, service),
      serving: (namespace, service) => balancer.serving(namespace, service),
      load: async (image) => {
        await Promise.all([...alive].map((node) => node.load(image)));
      },
      killNode: async (name) => {
        const node = nodes.find((each) => each.name === name);
        if (node === undefined) throw new Error(`no node is called ${name}`);
        alive.delete(node);
        await node.kill();
      },
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

interface NodeObject {
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function readyNodes({ ask }: ControlPlane): Promise<number> {
  const { status, body } = await ask('/api/v1/nodes');
  if (status !== 200) return 0;
  const isReady = ({ status: { conditions = [] } }: NodeObject) =>
    conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return (body as { items: NodeObject[] }).items.filter(isReady).length;
}

/** Of every kubelet: why a node is not ready is said nowhere else, and its logs go with the cluster. */
function lastWords(folder: string): string {
  const logs = readdirSync(join(folder, 'log')).filter((name) => name.endsWith('-kubelet.log'));
  const ends = logs.map((name) =>
    readFileSync(join(folder, 'log', name), 'utf8')
      .trim()
      .split('\n')
      .slice(-LAST_LINES),
  );
  return ends.map((lines, at) => `${logs[at]}:\n${lines.join('\n')}`).join('\n');
}
