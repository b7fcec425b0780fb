/** What a watch's owner believes, beside what the server says: the two must be the same in the end. */

import { until } from '../../cluster/daemon.ts';
import type { Kube } from '../../../operator/kube/client.ts';
import type { ApiFailure, KubeObject, ResourceType, Watch, WatchRequest } from '../../../operator/kube/api.ts';

export const CONFIG_MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
export const SECRET: ResourceType = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
export const NAMESPACE: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces' };

export interface Following {
  readonly watch: Watch;
  /** `name uid resourceVersion`, sorted. */
  believed(): string[];
  /** Every call of onChange, in order: `+name` or `-name`. */
  readonly told: readonly string[];
  readonly objects: readonly KubeObject[];
  readonly troubles: readonly ApiFailure[];
  /** Gone without having been there, which no owner can make sense of. */
  readonly impossible: readonly string[];
}

export function follow(
  kube: Kube,
  request: Pick<WatchRequest, 'type' | 'namespace'> & Partial<WatchRequest>,
): Following {
  const mirror = new Map<string, KubeObject>();
  const told: string[] = [];
  const objects: KubeObject[] = [];
  const troubles: ApiFailure[] = [];
  const impossible: string[] = [];
  const watch = kube.watch({
    onTrouble: (failure) => void troubles.push(failure),
    ...request,
    onChange(object, gone) {
      const { name, uid } = object.metadata;
      told.push(`${gone ? '-' : '+'}${name}`);
      objects.push(object);
      if (gone && mirror.get(name)?.metadata.uid !== uid) impossible.push(name);
      if (gone) mirror.delete(name);
      else mirror.set(name, object);
    },
  });
  return { watch, believed: () => [...mirror.values()].map(lineOf).sort(), told, objects, troubles, impossible };
}

export async function untilSame(
  kube: Kube,
  type: ResourceType,
  namespace: string,
  following: Following,
): Promise<void> {
  let truth: string[] = [];
  const isSame = async () => {
    const listed = await kube.list(type, namespace);
    if (!listed.ok) throw new Error(listed.message);
    truth = listed.value.map(lineOf).sort();
    return truth.join('\n') === following.believed().join('\n');
  };
  const detail = () => JSON.stringify({ truth, believed: following.believed(), troubles: following.troubles }, null, 1);
  await until('what the watch tells is what the server has', isSame, { detail });
}

function lineOf({ metadata: { name, uid, resourceVersion } }: KubeObject): string {
  return `${name} ${uid} ${resourceVersion}`;
}

export function configMap(namespace: string, name: string, text = ''): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { text } };
}

/** A namespace of its own for each test: nobody else's objects are in its lists. */
export async function makeNamespace(kube: Kube, name: string): Promise<string> {
  const made = await kube.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  if (!made.ok) throw new Error(made.message);
  return name;
}

/** The value, or an error that says what the server said. */
export function value<T>(answer: { readonly ok: true; readonly value: T } | ApiFailure): T {
  if (!answer.ok) throw new Error(`${answer.status} ${answer.reason}: ${answer.message}`);
  return answer.value;
}
