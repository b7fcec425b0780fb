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

/** In place of a name: by one watch a type. */
const ALL = '(all)';

const ADVICE = new Map<number | undefined, string>([
  [401, "the operator's credentials are not accepted"],
  [
    403,
    'make the namespace, if it is not there, and run helm upgrade, which gives the operator its rights in each of ' +
      'watchNamespaces; or take the namespace out of watchNamespaces',
  ],
  [404, 'the cluster does not know the kind: install the CRDs of the chart'],
]);

export interface WorldEvents {
  /** One of the four kinds. */
  resource(object: KubeObject, gone: boolean): void;
  /** Metadata of a Secret or ConfigMap. */
  data(object: KubeObject, gone: boolean): void;
  /** A pod, or an object that the operator made. */
  workload(namespace: string, fleet: string): void;
  /** Everything of it has been told once. */
  seen(namespace: WatchedNamespace): void;
  /** Something of it cannot be listed, of which nothing has been seen yet; told whenever the reason is another. */
  unseen(namespace: WatchedNamespace, reason: string): void;
  /** The cluster does not know the kind any more: its CRD was removed. */
  unknown(kind: string): void;
  /** The API server has been restored from a backup: all of that kind is told anew. */
  wentBack(kind: string, namespace: WatchedNamespace): void;
}

/** undefined: all of them, by one watch a type. */
export type WatchedNamespace = string | undefined;

export interface WorldOptions {
  readonly api: Api & { watch(request: WatchRequest): Watch };
  /** Empty: all. Each is a world of its own: nothing in it refers to anything outside. */
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
  readonly #watches = new Map<WatchedNamespace, Watch[]>();
  #discovery: NodeJS.Timeout | undefined;
  #serviceMonitors = false;
  #histories = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** The cluster knows the kind ServiceMonitor. */
  get serviceMonitors(): boolean {
    return this.#serviceMonitors;
  }

  /** How often Secrets or ConfigMaps have gone back to what they were before: what is stored must be looked at again. */
  get histories(): number {
    return this.#histories;
  }

  /** Resolves when everything that is there has been told; a namespace that cannot be read keeps no other waiting. */
  async start(): Promise<void> {
    const { namespaces } = this.#options;
    await this.#discover();
    this.#discovery = setInterval(() => void this.#discover(), DISCOVERY_MS);
    await Promise.all((namespaces.length === 0 ? [undefined] : namespaces).map((each) => this.#see(each)));
  }

  /** Until then nothing may be concluded from what is missing in it. */
  hasSeen(namespace: WatchedNamespace): boolean {
    const watches = this.#watches.get(namespace) ?? this.#watches.get(undefined);
    return watches?.every((watch) => watch.isSynced()) === true;
  }

  /** Those that are watched by themselves, as set; `(all)` for all of them. */
  namespaces(): { readonly name: string; readonly seen: boolean }[] {
    return [...this.#watches.keys()].map((each) => ({ name: each ?? ALL, seen: this.hasSeen(each) }));
  }

  stop(): void {
    clearInterval(this.#discovery);
    for (const watch of [...this.#watches.values()].flat()) watch.stop();
  }

  /** undefined: objects of that type are not watched. */
  workload(type: Pick<ResourceType, 'kind'>): ObjectCache | undefined {
    return this.#workload.get(type.kind);
  }

  ownObjects(namespace: string, fleet: string): KubeObject[] {
    return [...this.#workload.values()].flatMap((cache) => cache.labelled(namespace, FLEET_LABEL, fleet));
  }

  async #see(namespace: WatchedNamespace): Promise<void> {
    const { events } = this.#options;
    const metadata = { namespace, metadataOnly: true };
    const watches = [...this.resources.values()].map((cache) =>
      this.#watch(cache, { namespace }, (object, gone) => events.resource(object, gone)),
    );
    const secrets = { ...metadata, fieldSelector: NO_HELM_RELEASES };
    watches.push(this.#watch(this.secrets, secrets, (object, gone) => events.data(object, gone)));
    watches.push(this.#watch(this.configMaps, metadata, (object, gone) => events.data(object, gone)));
    for (const cache of this.#workload.values()) {
      const own = { namespace, labelSelector: OWN_OBJECTS };
      watches.push(this.#watch(cache, own, (object) => this.#tellFleet(object)));
    }
    const pods = { namespace, labelSelector: FLEET_LABEL };
    watches.push(this.#watch(this.pods, pods, (object) => this.#tellFleet(object)));
    this.#watches.set(namespace, watches);
    await Promise.all(watches.map(({ synced }) => synced));
    events.seen(namespace);
  }

  #watch(
    cache: ObjectCache,
    request: Omit<WatchRequest, 'type' | 'onChange'>,
    onChange: (object: KubeObject, gone: boolean) => void,
  ): Watch {
    let told: string | undefined;
    const watch = this.#options.api.watch({
      type: cache.type,
      ...request,
      onTrouble: (failure) => {
        // A server that is away would be told of every half minute, by each watch.
        if (failure.message !== told) this.#tellTrouble(cache.type, request.namespace, failure, watch.isSynced());
        told = failure.message;
        if (failure.status === 404) this.#options.events.unknown(cache.type.kind);
      },
      onWentBack: () => this.#goBack(cache, request.namespace),
      onChange: (object, gone) => {
        told = undefined;
        cache.take(object, gone);
        onChange(object, gone);
      },
    });
    return watch;
  }

  #goBack(cache: ObjectCache, namespace: WatchedNamespace): void {
    const { log, events } = this.#options;
    const { apiVersion, plural } = cache.type;
    cache.doubt(namespace);
    if (cache === this.secrets || cache === this.configMaps) this.#histories++;
    const fields = { namespace: namespace ?? ALL, watch: `${plural} (${apiVersion})` };
    log.warn(fields, 'the API server knows less than before, as after a restore from a backup: all is read anew');
    events.wentBack(cache.type.kind, namespace);
  }

  /** Nothing is compiled before its namespace has been seen: whoever waits for that must know what it waits for. */
  #tellTrouble(
    { apiVersion, plural }: ResourceType,
    namespace: string | undefined,
    failure: ApiFailure,
    seen: boolean,
  ) {
    const fields = { namespace: namespace ?? ALL, watch: `${plural} (${apiVersion})`, reason: failure.message };
    const advice = ADVICE.get(failure.status);
    const where = namespace === undefined ? 'nothing' : 'nothing in this namespace';
    const text = seen
      ? 'changes cannot be seen now, tried again'
      : `cannot be listed, and ${where} is done before it is`;
    this.#options.log.warn({ ...fields, ...(advice && { advice }) }, text);
    if (!this.hasSeen(namespace))
      this.#options.events.unseen(namespace, `${failure.message}${advice ? `: ${advice}` : ''}`);
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
