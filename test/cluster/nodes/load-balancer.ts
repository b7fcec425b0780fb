/**
 * A load balancer before the nodes, as a provider has one: gives every Service of its type an address, asks the nodes who serves
 * it, and sends each new connection to one of them. Addresses are not translated, so a pod sees its client's own.
 */

import { request } from 'node:http';
import { runOrThrow } from '../../support/child-process.ts';
import { until } from '../daemon.ts';
import type { ApiRequest } from '../api-request.ts';

export interface Backend {
  readonly name: string;
  readonly address: string;
}

export interface LoadBalancer {
  /** The address of a Service, once it has one. */
  addressOf(namespace: string, service: string): Promise<string>;
  /** Names of the nodes that new connections to the Service are sent to now. */
  serving(namespace: string, service: string): readonly string[];
  stop(): Promise<void>;
}

interface Service {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly type?: string;
    readonly ports?: readonly { readonly port: number }[];
    readonly externalTrafficPolicy?: string;
    readonly healthCheckNodePort?: number;
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

/** Providers ask every few seconds; a test waits less for the same thing. */
const ROUND_MS = 500;
/** One lost answer is no failure. */
const FAILURES = 2;
const ANSWER_MS = 400;
/** kube-proxy's own, for Services that every node forwards. */
const PROXY_HEALTH_PORT = 10_256;
const CHAIN = 'LOAD-BALANCER';
/** Routing table and connection mark of the first node; the kernel's own tables end below 1,000. */
const FIRST_TABLE = 1000;

const addressNumber = (number: number): string => `10.97.0.${9 + number}`;
const keyOf = ({ metadata }: Service): string => `${metadata.namespace}/${metadata.name}`;

export async function startLoadBalancer(ask: ApiRequest, nodes: readonly Backend[]): Promise<LoadBalancer> {
  for (const [index, node] of nodes.entries()) {
    const table = String(FIRST_TABLE + index);
    await runOrThrow('ip', ['rule', 'add', 'fwmark', table, 'lookup', table]);
    await runOrThrow('ip', ['route', 'add', 'default', 'via', node.address, 'table', table]);
  }
  const addresses = new Map<string, string>();
  const failures = new Map<string, number>();
  let services: readonly Service[] = [];
  let serving = new Map<string, readonly Backend[]>();
  let rules = '';

  async function round(): Promise<void> {
    // While nobody answers for the API, what was known goes on being served.
    const { status, body } = await ask('/api/v1/services');
    if (status === 200)
      services = (body as { items: Service[] }).items.filter(({ spec }) => spec.type === 'LoadBalancer');
    for (const service of services) await giveAddress(service);
    const found = services.map(async (service) => [keyOf(service), await healthyNodes(service)] as const);
    serving = new Map(await Promise.all(found));
    const wanted = ruleSet(services, addresses, serving, nodes);
    if (wanted === rules) return;
    await runOrThrow('iptables-restore', ['--noflush'], { input: wanted });
    rules = wanted;
  }

  async function giveAddress(service: Service): Promise<void> {
    const key = keyOf(service);
    const ip =
      addresses.get(key) ?? service.status?.loadBalancer?.ingress?.[0]?.ip ?? addressNumber(addresses.size + 1);
    addresses.set(key, ip);
    if (service.status?.loadBalancer?.ingress?.[0]?.ip === ip) return;
    const { namespace, name } = service.metadata;
    await ask(`/api/v1/namespaces/${namespace}/services/${name}/status`, {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } } },
    });
  }

  async function healthyNodes(service: Service): Promise<readonly Backend[]> {
    const { externalTrafficPolicy, healthCheckNodePort } = service.spec;
    const port = externalTrafficPolicy === 'Local' ? (healthCheckNodePort ?? 0) : PROXY_HEALTH_PORT;
    const asked = nodes.map(async (node) => {
      const key = `${keyOf(service)} ${node.name}`;
      const failed = (await isHealthy(node.address, port)) ? 0 : (failures.get(key) ?? FAILURES) + 1;
      failures.set(key, failed);
      return failed < FAILURES ? [node] : [];
    });
    return (await Promise.all(asked)).flat();
  }

  let stopped = false;
  let broken: unknown;
  const rounds = (async () => {
    while (!stopped) {
      await round();
      await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
    }
  })().catch((error: unknown) => {
    broken = error;
  });
  return {
    async addressOf(namespace, service) {
      const key = `${namespace}/${service}`;
      const isKnown = () => {
        if (broken !== undefined) throw new Error('the load balancer has ended', { cause: broken });
        return addresses.has(key);
      };
      await until(`Service ${key} has an address`, isKnown);
      return addresses.get(key) ?? '';
    },
    serving: (namespace, service) => (serving.get(`${namespace}/${service}`) ?? []).map(({ name }) => name),
    async stop() {
      stopped = true;
      await rounds;
      if (broken !== undefined) throw new Error('the load balancer has ended', { cause: broken });
    },
  };
}

/**
 * A new connection is marked for one node, and keeps its node for as long as it lasts, whoever comes and goes. The chain is
 * replaced as a whole. OUTPUT as well as PREROUTING: the router itself may be a client.
 */
function ruleSet(
  services: readonly Service[],
  addresses: ReadonlyMap<string, string>,
  serving: ReadonlyMap<string, readonly Backend[]>,
  nodes: readonly Backend[],
): string {
  const lines = services.flatMap((service) => {
    const targets = serving.get(keyOf(service)) ?? [];
    return (service.spec.ports ?? []).flatMap(({ port }) => {
      const match = `-d ${addresses.get(keyOf(service))}/32 -p tcp --dport ${port}`;
      const choices = targets.map((target, index) => {
        const share = (1 / (targets.length - index)).toFixed(6);
        const mark = FIRST_TABLE + nodes.indexOf(target);
        const isNew = '-m conntrack --ctstate NEW -m connmark --mark 0';
        return `-A ${CHAIN} ${match} ${isNew} -m statistic --mode random --probability ${share} -j CONNMARK --set-mark ${mark}`;
      });
      return [...choices, `-A ${CHAIN} ${match} -j CONNMARK --restore-mark`];
    });
  });
  const hooks = ['PREROUTING', 'OUTPUT'].flatMap((hook) => [`-F ${hook}`, `-A ${hook} -j ${CHAIN}`]);
  return ['*mangle', `:${CHAIN} - [0:0]`, ...lines, ...hooks, 'COMMIT', ''].join('\n');
}

function isHealthy(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path: '/healthz', timeout: ANSWER_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
