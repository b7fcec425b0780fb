/** What is known of a relay pod, from the API server and from its own /status. */

export interface RelayPod {
  readonly name: string;
  readonly uid: string;
  /** undefined: it has none yet. */
  readonly ip: string | undefined;
  readonly node: string | undefined;
  /** The Ready condition is True. */
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly restarts: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Of the annotation isthmus.dev/revision. */
  readonly annotatedRevision: string | undefined;
  /** Why a container does not start, `ImagePullBackOff: …`; undefined: nothing keeps it. */
  readonly waiting: string | undefined;
  /** Why it is not ready, where something is known to keep it. */
  readonly stuck?: Stuck | undefined;
}

export interface Stuck {
  /** `Unschedulable: …` */
  readonly text: string;
  /** Not ready since; milliseconds since 1970. */
  readonly since: number;
  /** Somebody must do something, or a node with room must come. */
  readonly needs: 'somebody' | 'node';
}

/** An answer of GET /status that carries the pod's own UID. */
export interface PodReport {
  readonly uid: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly formats: readonly number[];
  /** What its annotation says, as the pod sees it. */
  readonly wanted: string | undefined;
  /** What it runs; undefined: it has never had a complete configuration. */
  readonly running: string | undefined;
  readonly refused: { readonly revision: string; readonly reason: string } | undefined;
  readonly findings: readonly { readonly type: string; readonly subject: string; readonly message: string }[];
}
