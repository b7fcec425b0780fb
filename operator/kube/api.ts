/** What the operator asks of the API server, and the shape of every answer. */

export interface ResourceType {
  /** `v1`, `apps/v1`, `isthmus.dev/v1alpha1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubeMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly operation?: string;
    readonly subresource?: string;
    readonly fieldsV1?: unknown;
  }[];
}

/** As the API server writes it: plain JSON, no classes. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

export interface ApiFailure {
  readonly ok: false;
  /** HTTP status; undefined: no answer. */
  readonly status: number | undefined;
  /** Kubernetes' word, `NotFound`, `AlreadyExists`, `Conflict`, `Expired` …, or `NoAnswer`. */
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

export type ApiAnswer<T> = { readonly ok: true; readonly value: T } | ApiFailure;

export interface ApplyOptions {
  readonly manager: string;
  /** Take fields over from other managers. Without it a conflict is a 409 that names them. */
  readonly force: boolean;
}

/** Methods never reject for what a server or network does. `namespace` undefined: cluster-scoped, or all of them. */
export interface Api {
  get(type: ResourceType, namespace: string | undefined, name: string): Promise<ApiAnswer<KubeObject>>;
  /** Pages joined. */
  list(
    type: ResourceType,
    namespace: string | undefined,
    options?: { readonly labelSelector?: string },
  ): Promise<ApiAnswer<readonly KubeObject[]>>;
  create(type: ResourceType, object: KubeObject): Promise<ApiAnswer<KubeObject>>;
  /** With metadata.resourceVersion it is a 409 when somebody has written since. */
  update(type: ResourceType, object: KubeObject): Promise<ApiAnswer<KubeObject>>;
  /** Server-side apply. */
  apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<ApiAnswer<KubeObject>>;
  applyStatus(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<ApiAnswer<KubeObject>>;
  /** JSON merge patch; null removes. */
  merge(type: ResourceType, namespace: string, name: string, patch: object): Promise<ApiAnswer<KubeObject>>;
  /** Only that very object. */
  remove(
    type: ResourceType,
    namespace: string,
    name: string,
    only: { readonly uid: string },
  ): Promise<ApiAnswer<undefined>>;
  /** Plural names of a group's version, empty when the cluster does not know it. */
  discover(apiVersion: string): Promise<ApiAnswer<readonly string[]>>;
}

export interface WatchRequest {
  readonly type: ResourceType;
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** PartialObjectMetadata: content is not fetched. */
  readonly metadataOnly?: boolean;
  /** An object is there or has changed (`gone` false), or has disappeared. After a relist every difference is told. */
  onChange(object: KubeObject, gone: boolean): void;
  /**
   * The server knows less than it did, as after a restore from a backup: everything that is there is told once more,
   * whatever its resourceVersion, and what is not there any more as gone.
   */
  onWentBack?(): void;
  /** A list or a watch has failed and is tried again. 404: the cluster does not know the kind; 403: not allowed. */
  onTrouble?(failure: ApiFailure, retryInMs: number): void;
}

export interface Watch {
  /** Resolves when the first list has been told; never when it is stopped before. Rejects as `ended` does. */
  readonly synced: Promise<void>;
  /** Resolves when it has stopped. Rejects with what onChange has thrown: unhandled, that ends the process. */
  readonly ended: Promise<void>;
  isSynced(): boolean;
  /** Nothing is told after this. */
  stop(): void;
}
