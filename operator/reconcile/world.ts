/** What the operator sees of the cluster: one watch a type and namespace, and what they have told. */

import { KINDS } from '../../crds/v1alpha1/kinds.ts';
import type { Log } from '../log.ts';
import type { Api, ApiFailure, KubeObject, ResourceType, Watch, WatchRequest } from '../kube/api.ts';
import { FLEET_LABEL } from '../manifests/names.ts';
import { WORKLOAD_TYPES } from '../manifests/object-set.ts';
import { CONFIG_MAP, POD, RESOURCES, SECRET, WATCHED_WORKLOAD } from './kinds.ts';
import { ObjectCache } from './object-cache.ts';

/** A cluster gets new kinds seldom; somebody who installs Prometheus waits this long at most. */
const DISCOVERY_MS = 300_000;
const OWN_OBJECTS = 'app.kubernetes.io/managed-by=isthmus';
/** Releases of Helm are Secrets: many, large, and nobody refers to them. */
const NO_HELM_RELEASES = 'type!=helm.sh/release.v1';

const ADVICE = new Map<number | undefined, string>([
  [401, "the operator's credentials are not accepted"],
  [403, "give the operator's ServiceAccount the chart's rights there, or take the namespace out of watchNamespaces"],
  [404, 'the cluster does not know the kind: install the CRDs of the chart'],
]);

export interface WorldEvents {
  /** One of the four kinds. */
  resource(object: KubeObject, gone: boolean): void;
  /** Metadata of a Secret or ConfigMap. */
  data(object: KubeObject, gone: boolean): void;
  /** A pod, or an object that the operator made. */
  workload(namespace: string, fleet: string): void;
}

export interface WorldOptions {
  readonly api: Api & { watch(request: WatchRequest): Watch };
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly events: WorldEvents;
  readonly log: Log;
}

export class World {
  readonly secrets = new ObjectCache(SECRET);
  readonly configMaps = new ObjectCache(CONFIG_MAP);
  readonly pods = new ObjectCache(POD);
  readonly resources = new Map(KINDS.map((kind) => [kind, new ObjectCache(RESOURCES[kind])]));
  readonly #options: WorldOptions;
  readonly #workload = new Map(WATCHED_WORKLOAD.map((type) => [type.kind, new ObjectCache(type)]));
  readonly #watches: Watch[] = [];
  #discovery: NodeJS.Timeout | undefined;
  #serviceMonitors = false;

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** The cluster knows the kind ServiceMonitor. */
  get serviceMonitors(): boolean {
    return this.#serviceMonitors;
  }

  /** Resolves when everything that is there has been told. */
  async start(): Promise<void> {
    const { namespaces, events } = this.#options;
    await this.#discover();
    this.#discovery = setInterval(() => void this.#discover(), DISCOVERY_MS);
    for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
      for (const cache of this.resources.values()) {
        this.#watch(cache, { namespace }, (object, gone) => events.resource(object, gone));
      }
      const metadata = { namespace, metadataOnly: true };
      this.#watch(this.secrets, { ...metadata, fieldSelector: NO_HELM_RELEASES }, (object, gone) =>
        events.data(object, gone),
      );
      this.#watch(this.configMaps, metadata, (object, gone) => events.data(object, gone));
      for (const cache of this.#workload.values()) {
        this.#watch(cache, { namespace, labelSelector: OWN_OBJECTS }, (object) => this.#tellFleet(object));
      }
      this.#watch(this.pods, { namespace, labelSelector: FLEET_LABEL }, (object) => this.#tellFleet(object));
    }
    await Promise.all(this.#watches.map(({ synced }) => synced));
  }

  isSynced(): boolean {
    return this.#watches.length > 0 && this.#watches.every((watch) => watch.isSynced());
  }

  stop(): void {
    clearInterval(this.#discovery);
    for (const watch of this.#watches) watch.stop();
  }

  /** undefined: objects of that type are not watched. */
  workload(type: Pick<ResourceType, 'kind'>): ObjectCache | undefined {
    return this.#workload.get(type.kind);
  }

  ownObjects(namespace: string, fleet: string): KubeObject[] {
    return [...this.#workload.values()].flatMap((cache) => cache.labelled(namespace, FLEET_LABEL, fleet));
  }

  #watch(
    cache: ObjectCache,
    request: Omit<WatchRequest, 'type' | 'onChange'>,
    onChange: (object: KubeObject, gone: boolean) => void,
  ): void {
    let told: string | undefined;
    const watch = this.#options.api.watch({
      type: cache.type,
      ...request,
      onTrouble: (failure) => {
        // A server that is away would be told of every half minute, by each watch.
        if (failure.message !== told) this.#tellTrouble(cache.type, request.namespace, failure, watch.isSynced());
        told = failure.message;
      },
      onChange: (object, gone) => {
        told = undefined;
        cache.take(object, gone);
        onChange(object, gone);
      },
    });
    this.#watches.push(watch);
  }

  /** Nothing is compiled before everything has been seen: whoever waits for that must know what it waits for. */
  #tellTrouble(
    { apiVersion, plural }: ResourceType,
    namespace: string | undefined,
    failure: ApiFailure,
    seen: boolean,
  ) {
    const fields = { namespace: namespace ?? '(all)', watch: `${plural} (${apiVersion})`, reason: failure.message };
    const advice = ADVICE.get(failure.status);
    const text = seen
      ? 'changes cannot be seen now, tried again'
      : 'cannot be listed, and nothing is done before it is';
    this.#options.log.warn({ ...fields, ...(advice && { advice }) }, text);
  }

  #tellFleet({ metadata }: KubeObject): void {
    const fleet = metadata.labels?.[FLEET_LABEL];
    if (fleet !== undefined && metadata.namespace !== undefined)
      this.#options.events.workload(metadata.namespace, fleet);
  }

  /** Without an answer what was known before stays. */
  async #discover(): Promise<void> {
    const { apiVersion, plural } = WORKLOAD_TYPES.ServiceMonitor;
    const answer = await this.#options.api.discover(apiVersion);
    if (answer.ok) this.#serviceMonitors = answer.value.includes(plural);
  }
}
