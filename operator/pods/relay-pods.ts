/** Reads out of Pod objects what rollout and status need to know. */

import type { KubeObject } from '../kube/api.ts';
import { REVISION_ANNOTATION } from '../manifests/names.ts';
import type { RelayPod, Stuck } from '../rollout/pods.ts';

interface ContainerStatus {
  readonly image?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string } };
}

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

interface PodStatus {
  readonly podIP?: string;
  readonly conditions?: readonly PodCondition[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

/** Every pod starts with these for a moment. */
const ON_ITS_WAY = new Set(['ContainerCreating', 'PodInitializing']);
/** The kubelet says them in turn, with texts that change each time: one word for all, so that nothing written flaps. */
const NOT_PULLED = new Set(['ImagePullBackOff', 'ErrImagePull', 'RegistryUnavailable']);

/** One restart may be anything. */
const CRASH_LOOP = 2;

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
  const created = metadata.creationTimestamp === undefined ? 0 : Date.parse(metadata.creationTimestamp);
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    ip: podIP === '' ? undefined : podIP,
    node: (spec as { readonly nodeName?: string } | undefined)?.nodeName,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: metadata.deletionTimestamp !== undefined,
    restarts: containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    created,
    annotatedRevision: metadata.annotations?.[REVISION_ANNOTATION] || undefined,
    waiting: containers.map(waitingReason).find((reason) => reason !== undefined),
    stuck: stuck(conditions, containers, created),
  };
}

/** Between two of its ends a relay that ends again and again runs: what is said of it stays the same. */
function stuck(
  conditions: readonly PodCondition[],
  containers: readonly ContainerStatus[],
  created: number,
): Stuck | undefined {
  const unready = conditions.find(({ type }) => type === 'Ready');
  if (unready?.status === 'True') return undefined;
  const since = Date.parse(unready?.lastTransitionTime ?? '') || created;
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) {
    const { reason = 'Unschedulable', message = 'no node takes it' } = unscheduled;
    return { text: `${reason}: ${message}`, since, needs: 'node' };
  }
  const text =
    containers.map(waitingReason).find((reason) => reason !== undefined) ??
    (containers.some(isInCrashLoop) ? `CrashLoopBackOff: ${WORDS.get('CrashLoopBackOff')}` : undefined);
  return text === undefined ? undefined : { text, since, needs: 'somebody' };
}

function isInCrashLoop({ ready = false, restartCount = 0 }: ContainerStatus): boolean {
  return !ready && restartCount >= CRASH_LOOP;
}

function waitingReason({ image, state }: ContainerStatus): string | undefined {
  const said = state?.waiting?.reason;
  if (said === undefined || ON_ITS_WAY.has(said)) return undefined;
  const reason = NOT_PULLED.has(said) ? 'ImagePullBackOff' : said;
  const aboutImage = ABOUT_IMAGE.get(reason);
  if (aboutImage !== undefined) return `${reason}: image ${image} ${aboutImage}`;
  return `${reason}: ${WORDS.get(reason) ?? `container of image ${image} does not start`}`;
}

/** Why pods do not get ready, each cause once, with one of its pods and since when the first of them is not. */
export function stuckPods(pods: readonly RelayPod[]): Stuck[] {
  const all = pods.flatMap(({ name, terminating, stuck }) =>
    stuck === undefined || terminating ? [] : [{ name, ...stuck }],
  );
  return [...Map.groupBy(all, ({ text }) => text).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const more = group.length > 1 ? ` and ${group.length - 1} more` : '';
    const since = Math.min(...group.map((each) => each.since));
    return [{ text: `pod ${first.name}${more}: ${first.text}`, since, needs: first.needs }];
  });
}
