/** Reads out of Pod objects what rollout and status need to know. */

import type { KubeObject } from '../kube/api.ts';
import { REVISION_ANNOTATION } from '../manifests/names.ts';
import type { RelayPod } from '../rollout/pods.ts';

interface ContainerStatus {
  readonly image?: string;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string } };
}

interface PodStatus {
  readonly podIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

/** Every pod starts with these for a moment. */
const ON_ITS_WAY = new Set(['ContainerCreating', 'PodInitializing']);
/** The kubelet says them in turn, with texts that change each time: one word for all, so that nothing written flaps. */
const NOT_PULLED = new Set(['ImagePullBackOff', 'ErrImagePull', 'RegistryUnavailable']);

/** What is wrong with the image, which is named before. */
const ABOUT_IMAGE = new Map([
  [
    'ImagePullBackOff',
    'cannot be pulled: correct spec.image or spec.imagePullSecrets, or bring it to the registry or the nodes',
  ],
  ['ErrImageNeverPull', 'is not on the node, and is never pulled: bring it to every node, or correct spec.image'],
  ['InvalidImageName', 'has a malformed name: correct spec.image'],
]);
const WORDS = new Map([
  ['CrashLoopBackOff', 'the relay ends soon after it has started'],
  ['CreateContainerConfigError', 'a Secret or ConfigMap that the pod mounts is missing'],
]);

/** Pods that have run to their end (evicted, out of memory on the node) are left out: they never serve again. */
export function relayPods(objects: readonly KubeObject[]): RelayPod[] {
  return objects.filter((object) => !isOver(object)).map(relayPod);
}

function isOver({ status }: KubeObject): boolean {
  const phase = (status as { readonly phase?: string } | undefined)?.phase;
  return phase === 'Failed' || phase === 'Succeeded';
}

function relayPod({ metadata, spec, status }: KubeObject): RelayPod {
  const { podIP, conditions = [], containerStatuses = [], initContainerStatuses = [] } = (status ?? {}) as PodStatus;
  const containers = [...initContainerStatuses, ...containerStatuses];
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    ip: podIP === '' ? undefined : podIP,
    node: (spec as { readonly nodeName?: string } | undefined)?.nodeName,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: metadata.deletionTimestamp !== undefined,
    restarts: containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    created: metadata.creationTimestamp === undefined ? 0 : Date.parse(metadata.creationTimestamp),
    annotatedRevision: metadata.annotations?.[REVISION_ANNOTATION] || undefined,
    waiting: containers.map(waitingReason).find((reason) => reason !== undefined),
  };
}

function waitingReason({ image, state }: ContainerStatus): string | undefined {
  const said = state?.waiting?.reason;
  if (said === undefined || ON_ITS_WAY.has(said)) return undefined;
  const reason = NOT_PULLED.has(said) ? 'ImagePullBackOff' : said;
  const aboutImage = ABOUT_IMAGE.get(reason);
  if (aboutImage !== undefined) return `${reason}: image ${image} ${aboutImage}`;
  return `${reason}: ${WORDS.get(reason) ?? `container of image ${image} does not start`}`;
}

/** Why pods do not start, each cause once, with one of its pods. */
export function waitingPods(pods: readonly RelayPod[]): string[] {
  const waiting = pods.filter(({ waiting }) => waiting !== undefined);
  return [...Map.groupBy(waiting, ({ waiting }) => waiting)].map(
    ([why, { length, 0: first }]) => `pod ${first?.name}${length > 1 ? ` and ${length - 1} more` : ''}: ${why}`,
  );
}
