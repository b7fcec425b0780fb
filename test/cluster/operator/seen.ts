/** What a user sees of resources with kubectl, waited for. */

import { stringify } from 'yaml';
import type { ControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';

export interface SeenCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

export interface Seen {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly SeenCondition[]; readonly [field: string]: unknown };
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** The last lines are enough to see why. */
const LOG_END = 4000;

export class Eyes {
  readonly #plane: ControlPlane;
  readonly namespace: string;
  /** What the operator says, for when something that is waited for does not come. */
  log: () => string = () => '';

  constructor(plane: ControlPlane, namespace: string) {
    this.#plane = plane;
    this.namespace = namespace;
  }

  /** undefined: there is none. */
  async get(kind: string, name: string): Promise<Seen | undefined> {
    const args = ['get', kind, name, '--namespace', this.namespace, '--output', 'json', '--ignore-not-found'];
    const text = await this.#plane.kubectlOrThrow(args);
    return text.trim() === '' ? undefined : (JSON.parse(text) as Seen);
  }

  async list(kinds: string, ...selection: readonly string[]): Promise<Seen[]> {
    const args = ['get', kinds, '--namespace', this.namespace, '--output', 'json', ...selection];
    return (JSON.parse(await this.#plane.kubectlOrThrow(args)) as { items: Seen[] }).items;
  }

  async condition(kind: string, name: string, type: string): Promise<SeenCondition | undefined> {
    return (await this.get(kind, name))?.status?.conditions?.find((condition) => condition.type === type);
  }

  /** The condition once it has that reason; its message is for the test to judge. */
  async untilReason(kind: string, name: string, type: string, reason: string): Promise<SeenCondition> {
    let seen: Seen | undefined;
    const found = () => seen?.status?.conditions?.find((condition) => condition.type === type);
    await until(
      `${kind} ${name} says ${type} ${reason}`,
      async () => {
        seen = await this.get(kind, name);
        const condition = found();
        return condition?.reason === reason && condition.observedGeneration === seen?.metadata.generation;
      },
      {
        seconds: 20,
        every: 100,
        detail: () => `${JSON.stringify(seen?.status, undefined, 2)}\n${this.log().slice(-LOG_END)}`,
      },
    );
    const condition = found();
    if (condition === undefined) throw new Error('what was found is lost');
    return condition;
  }

  async until(
    kind: string,
    name: string,
    what: string,
    isSo: (seen: Seen | undefined) => boolean,
  ): Promise<Seen | undefined> {
    let seen: Seen | undefined;
    await until(
      `${kind} ${name} ${what}`,
      async () => {
        seen = await this.get(kind, name);
        return isSo(seen);
      },
      { seconds: 20, every: 100, detail: () => `${JSON.stringify(seen, undefined, 2)}\n${this.log().slice(-LOG_END)}` },
    );
    return seen;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const documents = objects.map((object) => stringify(object)).join('---\n');
    await this.#plane.apply(documents, '--namespace', this.namespace);
  }

  async remove(kind: string, name: string): Promise<void> {
    await this.#plane.kubectlOrThrow(['delete', kind, name, '--namespace', this.namespace, '--wait=true']);
  }
}

const resource = (kind: string, name: string, spec: object) => ({
  apiVersion: 'isthmus.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

export const sharedDomain = (name: string, spec: object) => resource('SharedDomain', name, spec);
export const relayFleet = (name: string, spec: object = {}) => resource('RelayFleet', name, spec);
export const rewriteRule = (name: string, spec: object) => resource('RewriteRule', name, spec);

/** Takes part in `shared`, delivers to a host of its own, is known by a network. */
export const tenantRoute = (name: string, spec: object = {}) =>
  resource('TenantRoute', name, {
    sharedDomainRefs: [{ name: 'shared' }],
    domains: [`${name}.example`],
    nextHop: { hosts: [{ host: `mail.${name}.example` }] },
    sources: [{ cidrs: ['192.0.2.0/24'] }],
    ...spec,
  });

export const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

export const secret = (name: string, stringData: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});

/** John of tenant1, by address. */
export const john = (spec: object = {}) =>
  rewriteRule('john', {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: 'tenant1' },
    addresses: [{ internal: 'john@tenant1.example', external: 'john@shared.example' }],
    ...spec,
  });
