/** What every resource of this API version has besides spec and status. */

export const API_GROUP = 'isthmus.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${API_GROUP}/${VERSION}` as const;

/** The fields of Kubernetes' ObjectMeta that this project reads. Read from a file, only the user's own are there. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
}

export interface Resource<Kind extends string, Spec, Status> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}
