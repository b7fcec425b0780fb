/** The relay pods of a fleet as they are now, and what each says of itself. */

import { request } from 'node:http';
import { HTTP_PORT } from '../../../operator/manifests/names.ts';
import { type PodStatus, podStatusSchema } from '../../../relay/core/pod-status.ts';
import type { Eyes, Seen } from '../operator/seen.ts';

export interface RelayPod {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly address: string;
  readonly ready: boolean;
  readonly ending: boolean;
  readonly restarts: number;
  /** Of the container that runs, as containerd knows it. */
  readonly container: string;
}

interface PodFields {
  readonly metadata: Seen['metadata'] & { readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly containerID?: string }[];
  };
}

export const relayPods = (eyes: Eyes): Promise<RelayPod[]> => podsOf(eyes, 'isthmus-relay');
export const operatorPods = (eyes: Eyes): Promise<RelayPod[]> => podsOf(eyes, 'isthmus');

async function podsOf(eyes: Eyes, name: string): Promise<RelayPod[]> {
  const seen = (await eyes.list('pods', '-l', `app.kubernetes.io/name=${name}`)) as unknown as PodFields[];
  return seen.map(({ metadata, spec, status }) => {
    const [container] = status?.containerStatuses ?? [];
    return {
      ...{ name: metadata.name, uid: metadata.uid, node: spec.nodeName ?? '', address: status?.podIP ?? '' },
      ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
      ending: metadata.deletionTimestamp !== undefined,
      restarts: container?.restartCount ?? 0,
      container: container?.containerID?.replace(/^containerd:\/\//, '') ?? '',
    };
  });
}

const ANSWER_MS = 5000;

/** undefined: nobody answers there. */
export async function statusOf(pod: Pick<RelayPod, 'address'>): Promise<PodStatus | undefined> {
  const text = await ask(pod, '/status');
  return text === undefined ? undefined : podStatusSchema.parse(JSON.parse(text));
}

/** The revision that each runs, in the order of their names. */
export async function runningIn(pods: readonly RelayPod[]): Promise<readonly (string | undefined)[]> {
  const sorted = pods.toSorted((one, other) => one.name.localeCompare(other.name));
  return await Promise.all(sorted.map(async (pod) => (await statusOf(pod))?.running));
}

/** Octets of memory that its process has. */
export async function memoryOf(pod: RelayPod): Promise<number> {
  const text = (await ask(pod, '/metrics')) ?? '';
  return Number(/^isthmus_process_resident_memory_bytes\S* (\S+)$/m.exec(text)?.[1]);
}

function ask({ address }: Pick<RelayPod, 'address'>, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { host: address, port: HTTP_PORT, path, timeout: ANSWER_MS, agent: false };
    const asked = request(options, (response) => {
      response.toArray().then(
        (chunks) => resolve(response.statusCode === 200 ? Buffer.concat(chunks as Buffer[]).toString() : undefined),
        () => resolve(undefined),
      );
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}
