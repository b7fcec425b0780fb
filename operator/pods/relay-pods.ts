/** Reads out of Pod objects what rollout and status need to know. */

import type { KubeObject } from '../kube/api.ts';
import { REVISION_ANNOTATION } from '../manifests/names.ts';
import type { RelayPod } from '../rollout/pods.ts';

interface ContainerStatus {
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

interface PodStatus {
  readonly podIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

/** Every pod starts with these for a moment. */
const ON_ITS_WAY = new Set(['ContainerCreating', 'PodInitializing']);
/** An image registry's answer can be a whole page. */
const MESSAGE_LENGTH = 512;

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

function waitingReason({ state }: ContainerStatus): string | undefined {
  const { reason = 'Waiting', message } = state?.waiting ?? {};
  if (state?.waiting === undefined || ON_ITS_WAY.has(reason)) return undefined;
  return message ? `${reason}: ${message.slice(0, MESSAGE_LENGTH)}` : reason;
}
