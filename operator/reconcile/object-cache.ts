/** The objects of one type that a watch has told of, by namespace and name. */

import type { KubeObject, ResourceType } from '../kube/api.ts';
import { keyOf } from './kinds.ts';

/** An answer comes within seconds; pods of new names come and go for months. */
const GONE_REMEMBERED = 1000;

export class ObjectCache {
  readonly type: ResourceType;
  readonly #objects = new Map<string, KubeObject>();
  /** As they went, by name: a write of ours may be answered after that. */
  readonly #gone = new Map<string, KubeObject>();
  readonly #doubted = new Set<string>();

  constructor(type: ResourceType) {
    this.type = type;
  }

  take(object: KubeObject, gone: boolean): void {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const isDoubted = this.#doubted.delete(key);
    if (gone) {
      this.#objects.delete(key);
      this.#gone.delete(key);
      this.#gone.set(key, object);
      const [first] = this.#gone.keys();
      if (this.#gone.size > GONE_REMEMBERED && first !== undefined) this.#gone.delete(first);
    } else if (isDoubted || !(this.#wentSince(key, object) || isOlder(object, this.#objects.get(key)))) {
      this.#objects.set(key, object);
      this.#gone.delete(key);
    }
  }

  /** The server has gone back in time: whatever is told next is newer. undefined: everywhere. */
  doubt(namespace: string | undefined): void {
    // What was deleted may be there again.
    this.#gone.clear();
    for (const [key, { metadata }] of this.#objects) {
      if (namespace === undefined || metadata.namespace === namespace) this.#doubted.add(key);
    }
  }

  /** The very same may come back when it has its label again. */
  #wentSince(key: string, object: KubeObject): boolean {
    const gone = this.#gone.get(key);
    return gone !== undefined && gone.metadata.uid === object.metadata.uid && isOlder(object, gone);
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  all(): IterableIterator<KubeObject> {
    return this.#objects.values();
  }

  labelled(namespace: string, label: string, value: string): KubeObject[] {
    return [...this.#objects.values()].filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[label] === value,
    );
  }
}

/** The answer to a write of ours may have come before the watch tells what was there before it. */
function isOlder({ metadata }: KubeObject, known: KubeObject | undefined): boolean {
  return Number(metadata.resourceVersion) < Number(known?.metadata.resourceVersion);
}
