/** Keeps a fleet's objects as they should be: writes those that differ, removes those that are wanted no more. */

import { createHash } from 'node:crypto';
import type { Api, ApiFailure, KubeObject, ResourceType } from '../kube/api.ts';
import { FIELD_MANAGER } from '../manifests/names.ts';
import { keyOf, typeOf } from './kinds.ts';
import type { ObjectCache } from './object-cache.ts';

/** Hash of what was applied last: tells a field that is wanted no more from one that somebody else has added. */
const APPLIED_ANNOTATION = 'isthmus.dev/applied';
export const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** A fleet may be looked at four times a second: what cannot be written is not tried as often. */
const FIRST_RETRY_MS = 1000;
/** Whoever mends a quota or a webhook waits this long at most. */
const LONGEST_RETRY_MS = 10_000;

export interface Wanted {
  readonly object: KubeObject;
  /** It stays when its fleet goes. */
  readonly retained: boolean;
}

/** As the reason of a failure: what is there belongs to somebody else. */
export const NOT_OURS = 'NotOurs';
/** Of another: two revisions of a piece do not fit into its slot. */
export const NO_ROOM = 'NoRoom';

export interface Trouble {
  readonly text: string;
  /** It is refused for what it is: another try comes to the same until somebody changes something. */
  readonly refused: boolean;
  /** When it is tried again. */
  readonly againAt?: number;
}

export interface ObjectSetOptions {
  readonly api: Api;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** undefined: objects of that type are not watched. */
  readonly cacheOf: (type: ResourceType) => ObjectCache | undefined;
  /** Throws when this process may not write any more. */
  readonly assertLeader: () => void;
}

/** Nobody tells of an object that is not watched: it is looked at this often. */
const UNWATCHED_MS = 300_000;

/** In place of the hash of what was applied. */
const ABSENT = '';

interface Settled {
  readonly hash: string;
  readonly version: unknown;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A write that failed: not repeated before its time while neither side has changed. */
interface Failed {
  readonly hash: string;
  readonly version: unknown;
  readonly waitMs: number;
  readonly trouble: Trouble;
}

export class ObjectSet {
  readonly #options: ObjectSetOptions;
  /** What an apply of ours left: the API server may write a value in another way than it was given, `0.5` as `500m`. */
  readonly #settled = new Map<string, Settled>();
  readonly #failed = new Map<string, Failed>();

  constructor(options: ObjectSetOptions) {
    this.#options = options;
  }

  /** Troubles, one an object that could not be written; the others are written all the same. */
  async apply(wanted: readonly Wanted[]): Promise<Trouble[]> {
    const troubles: Trouble[] = [];
    for (const { object } of wanted) {
      const trouble = await this.#applyOne(object);
      if (trouble !== undefined) troubles.push(trouble);
    }
    return troubles;
  }

  /** Objects with the fleet's labels that it does not want; never what it would retain, never what is not the operator's. */
  async prune(present: readonly KubeObject[], wanted: readonly Wanted[]): Promise<Trouble[]> {
    const keep = new Set(wanted.map(({ object }) => identity(object)));
    const troubles: Trouble[] = [];
    for (const object of present) {
      const { name, namespace = '', uid } = object.metadata;
      if (keep.has(identity(object)) || uid === undefined || object.metadata.deletionTimestamp !== undefined) continue;
      if (object.metadata.labels?.[MANAGED_BY] !== 'isthmus') continue;
      const trouble = await this.#inTime(identity(object), '', object, async () => {
        this.#options.assertLeader();
        const answer = await this.#options.api.remove(typeOf(object), namespace, name, { uid });
        if (answer.ok || answer.status === 404 || answer.status === 409) return undefined;
        return troubleOf(`${object.kind} ${name} cannot be removed`, answer);
      });
      if (trouble !== undefined) troubles.push(trouble);
    }
    return troubles;
  }

  /**
   * Removes what is wanted no more and of a type that nobody watches: whoever wanted it may have been another operator,
   * so it is looked for, and again from time to time.
   */
  async removeUnwatched(type: ResourceType, namespace: string, name: string): Promise<Trouble[]> {
    const { api, now, assertLeader } = this.#options;
    const { apiVersion, kind } = type;
    const key = identity({ apiVersion, kind, metadata: { namespace, name } });
    const last = this.#settled.get(key);
    if (last?.hash === ABSENT && now() - last.at < UNWATCHED_MS) return [];
    const trouble = await this.#inTime(key, ABSENT, undefined, async () => {
      const found = await api.get(type, namespace, name);
      if (!found.ok && found.status !== 404) return troubleOf(`${kind} ${name} cannot be read`, found);
      const { labels, uid } = found.ok ? found.value.metadata : {};
      if (labels?.[MANAGED_BY] === 'isthmus' && uid !== undefined) {
        assertLeader();
        const removed = await api.remove(type, namespace, name, { uid });
        if (!removed.ok && removed.status !== 404) return troubleOf(`${kind} ${name} cannot be removed`, removed);
      }
      this.#settled.set(key, { hash: ABSENT, version: undefined, at: now() });
      return undefined;
    });
    return trouble === undefined ? [] : [trouble];
  }

  async #applyOne(desired: KubeObject): Promise<Trouble | undefined> {
    const hash = hashOf(desired);
    const { namespace = '', name } = desired.metadata;
    const seen = this.#options.cacheOf(typeOf(desired))?.get(namespace, name);
    return await this.#inTime(identity(desired), hash, seen, () => this.#tryToApply(desired, hash, seen));
  }

  /** Tries when it is something new or its time has come; else what came of it last is what comes of it now. */
  async #inTime(
    key: string,
    hash: string,
    seen: KubeObject | undefined,
    attempt: () => Promise<Trouble | undefined>,
  ): Promise<Trouble | undefined> {
    const known = this.#failed.get(key);
    const version = seen && versionOf(seen);
    const before = known?.hash === hash && known.version === version ? known : undefined;
    const now = this.#options.now();
    if (before !== undefined && now < (before.trouble.againAt ?? 0)) return before.trouble;
    const failure = await attempt();
    if (failure === undefined) {
      this.#failed.delete(key);
      return undefined;
    }
    const waitMs = before === undefined ? FIRST_RETRY_MS : Math.min(LONGEST_RETRY_MS, before.waitMs * 2);
    const trouble = { ...failure, againAt: now + waitMs };
    this.#failed.set(key, { hash, version, waitMs, trouble });
    return trouble;
  }

  async #tryToApply(desired: KubeObject, hash: string, seen: KubeObject | undefined): Promise<Trouble | undefined> {
    const { api, cacheOf, assertLeader, now } = this.#options;
    const { name, namespace = '' } = desired.metadata;
    const type = typeOf(desired);
    const object = withAnnotation(desired, hash);
    const cache = cacheOf(type);
    let live = seen;
    if (live !== undefined && (isApplied(object, live) || this.#isSettled(hash, live))) return undefined;
    const last = this.#settled.get(identity(desired));
    if (cache === undefined && last?.hash === hash && now() - last.at < UNWATCHED_MS) return undefined;
    if (live === undefined) {
      // It may have been there before anybody labelled it; then the watch does not show it.
      const answer = await api.get(type, namespace, name);
      if (answer.ok) live = answer.value;
      else if (answer.status !== 404) return troubleOf(`${desired.kind} ${name} cannot be read`, answer);
    }
    if (live !== undefined && live.metadata.labels?.[MANAGED_BY] !== 'isthmus') {
      const text = `there is a ${desired.kind} ${name} that this operator has not made: remove it, or give the fleet another name`;
      return { text, refused: true };
    }
    const settle = (left: KubeObject) =>
      this.#settled.set(identity(desired), { hash, version: versionOf(left), at: now() });
    if (live !== undefined && isApplied(object, live)) {
      settle(live);
      return undefined;
    }
    assertLeader();
    const answer = await api.apply(type, object, { manager: FIELD_MANAGER, force: true });
    if (!answer.ok) return troubleOf(`${desired.kind} ${name} cannot be written`, answer);
    settle(answer.value);
    cache?.take(answer.value, false);
    return undefined;
  }

  #isSettled(hash: string, live: KubeObject): boolean {
    const settled = this.#settled.get(identity(live));
    return settled?.hash === hash && settled.version === versionOf(live);
  }
}

/** What is there was written by an operator that wanted the same. */
export function isWritten(desired: KubeObject, live: KubeObject): boolean {
  return live.metadata.annotations?.[APPLIED_ANNOTATION] === hashOf(desired);
}

function hashOf(desired: KubeObject): string {
  return createHash('sha256').update(JSON.stringify(desired)).digest('hex').slice(0, 16);
}

export function troubleOf(what: string, failure: ApiFailure): Trouble {
  return { text: `${what}: ${failure.message}`, refused: isRefused(failure) };
}

/** Not for what is gone, for somebody who was faster, or for a server that is busy. */
function isRefused({ status = 500, reason }: ApiFailure): boolean {
  if (reason === NOT_OURS || reason === NO_ROOM) return true;
  return status >= 400 && status < 500 && ![401, 404, 408, 409, 429].includes(status);
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
