/** Keeps a fleet's objects as they should be: writes those that differ, removes those that are wanted no more. */

import { createHash } from 'node:crypto';
import type { Api, KubeObject, ResourceType } from '../kube/api.ts';
import { FIELD_MANAGER } from '../manifests/names.ts';
import { keyOf, typeOf } from './kinds.ts';
import type { ObjectCache } from './object-cache.ts';

/** Hash of what was applied last: tells a field that is wanted no more from one that somebody else has added. */
const APPLIED_ANNOTATION = 'isthmus.dev/applied';
const MANAGED_BY = 'app.kubernetes.io/managed-by';

export interface Wanted {
  readonly object: KubeObject;
  /** It stays when its fleet goes. */
  readonly retained: boolean;
}

export interface ObjectSetOptions {
  readonly api: Api;
  /** undefined: objects of that type are not watched. */
  readonly cacheOf: (type: ResourceType) => ObjectCache | undefined;
  /** Throws when this process may not write any more. */
  readonly assertLeader: () => void;
}

export class ObjectSet {
  readonly #options: ObjectSetOptions;
  /** What an apply of ours left: the API server may write a value in another way than it was given, `0.5` as `500m`. */
  readonly #settled = new Map<string, { readonly hash: string; readonly version: unknown }>();

  constructor(options: ObjectSetOptions) {
    this.#options = options;
  }

  /** Troubles in words, one an object that could not be written; the others are written all the same. */
  async apply(wanted: readonly Wanted[]): Promise<string[]> {
    const troubles: string[] = [];
    for (const { object } of wanted) {
      const trouble = await this.#applyOne(object);
      if (trouble !== undefined) troubles.push(trouble);
    }
    return troubles;
  }

  /** Objects with the fleet's labels that it does not want; never what it would retain, never what is not the operator's. */
  async prune(present: readonly KubeObject[], wanted: readonly Wanted[]): Promise<string[]> {
    const keep = new Set(wanted.map(({ object }) => identity(object)));
    const troubles: string[] = [];
    for (const object of present) {
      const { name, namespace = '', uid } = object.metadata;
      if (keep.has(identity(object)) || uid === undefined || object.metadata.deletionTimestamp !== undefined) continue;
      if (object.metadata.labels?.[MANAGED_BY] !== 'isthmus') continue;
      this.#options.assertLeader();
      const answer = await this.#options.api.remove(typeOf(object), namespace, name, { uid });
      if (!answer.ok && answer.status !== 404 && answer.status !== 409)
        troubles.push(`${object.kind} ${name} cannot be removed: ${answer.message}`);
    }
    return troubles;
  }

  async #applyOne(desired: KubeObject): Promise<string | undefined> {
    const { api, cacheOf, assertLeader } = this.#options;
    const { name, namespace = '' } = desired.metadata;
    const type = typeOf(desired);
    const hash = createHash('sha256').update(JSON.stringify(desired)).digest('hex').slice(0, 16);
    const object = withAnnotation(desired, hash);
    const cache = cacheOf(type);
    let live = cache?.get(namespace, name);
    if (live !== undefined && (isApplied(object, live) || this.#isSettled(hash, live))) return undefined;
    if (cache === undefined && this.#settled.get(identity(desired))?.hash === hash) return undefined;
    if (live === undefined) {
      // It may have been there before anybody labelled it; then the watch does not show it.
      const answer = await api.get(type, namespace, name);
      if (answer.ok) live = answer.value;
      else if (answer.status !== 404) return `${desired.kind} ${name} cannot be read: ${answer.message}`;
    }
    if (live !== undefined && live.metadata.labels?.[MANAGED_BY] !== 'isthmus') {
      return `there is a ${desired.kind} ${name} that this operator has not made: remove it, or give the fleet another name`;
    }
    if (live !== undefined && isApplied(object, live)) return undefined;
    assertLeader();
    const answer = await api.apply(type, object, { manager: FIELD_MANAGER, force: true });
    if (!answer.ok) return `${desired.kind} ${name} cannot be written: ${answer.message}`;
    this.#settled.set(identity(desired), { hash, version: versionOf(answer.value) });
    cache?.take(answer.value, false);
    return undefined;
  }

  #isSettled(hash: string, live: KubeObject): boolean {
    const settled = this.#settled.get(identity(live));
    return settled?.hash === hash && settled.version === versionOf(live);
  }
}

function identity({ kind, metadata }: KubeObject): string {
  return `${kind} ${keyOf(metadata.namespace, metadata.name)}`;
}

/** A change of status alone leaves the generation as it is, where there is one. */
function versionOf({ metadata }: KubeObject): unknown {
  return metadata.generation ?? metadata.resourceVersion;
}

function withAnnotation(object: KubeObject, hash: string): KubeObject {
  const annotations = { ...object.metadata.annotations, [APPLIED_ANNOTATION]: hash };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function isApplied(desired: KubeObject, live: KubeObject): boolean {
  return (
    live.metadata.annotations?.[APPLIED_ANNOTATION] === desired.metadata.annotations?.[APPLIED_ANNOTATION] &&
    contains(live, desired)
  );
}

/** Every field that is wanted has its value; what the API server or somebody else has added does not matter. */
export function contains(live: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live)) return live === undefined && wanted.length === 0;
    if (live.length < wanted.length) return false;
    return wanted.every((item, index) => contains(live[index], item));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof live !== 'object' || live === null) return isEmpty(wanted);
    return Object.entries(wanted).every(([key, value]) => contains((live as Record<string, unknown>)[key], value));
  }
  // The API server leaves out what is false anyway.
  return live === wanted || (wanted === false && live === undefined);
}

/** The API server drops maps and lists that hold nothing. */
function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
