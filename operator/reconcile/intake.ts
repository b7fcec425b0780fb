/** Tells the compiler what the watches tell the operator: resources, and the content of what they refer to. */

import { formatProblem } from '../../crds/problem.ts';
import { validateResource } from '../../crds/validate.ts';
import { type IsthmusResource, type Kind, KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import type { Change } from '../compilation/compiler.ts';
import type { LookupResult } from '../compile/input.ts';
import { references } from '../compile/references.ts';
import type { Api, KubeObject } from '../kube/api.ts';
import { ownSigningKeyName } from '../manifests/names.ts';
import { CONFIG_MAP, keyOf, SECRET } from './kinds.ts';
import type { ObjectCache } from './object-cache.ts';

type DataKind = 'Secret' | 'ConfigMap';

/** Enough to fill a connection, few enough that a thousand tables are not in memory at once. */
const FETCHES_AT_ONCE = 8;

export interface Version {
  readonly uid: string | undefined;
  readonly generation: number;
}

interface Known extends Version {
  readonly resource: IsthmusResource | undefined;
  readonly references: readonly string[];
}

const dataKey = (kind: DataKind, namespace: string, name: string) => `${kind} ${keyOf(namespace, name)}`;
function partsOf(key: string): { readonly kind: DataKind; readonly namespace: string; readonly name: string } {
  const [kind, path] = key.split(' ') as [DataKind, string];
  const [namespace = '', name = ''] = path.split('/');
  return { kind, namespace, name };
}

export const resourceKey = (kind: Kind, namespace: string, name: string) => `${kind} ${keyOf(namespace, name)}`;

export interface IntakeOptions {
  readonly api: Api;
  /** Metadata of all Secrets and ConfigMaps. */
  readonly metadata: Readonly<Record<DataKind, ObjectCache>>;
  /** Everything of that namespace has been seen: what it refers to is not asked for before. */
  readonly hasSeen?: (namespace: string) => boolean;
  /** Something is to be compiled. */
  readonly onChange: () => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #known = new Map<string, Known>();
  /** The same generation of it may be another. */
  readonly #doubted = new Set<string>();
  readonly #referrers = new Map<string, Set<string>>();
  /** resourceVersion of the content the compiler has; '' when it knows that there is none. */
  readonly #has = new Map<string, string>();
  readonly #changes = new Map<string, Change>();
  readonly #stale = new Set<string>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** The resource as it was last handed over, its schema's defaults filled in; undefined when it is invalid or not there. */
  resource(kind: Kind, namespace: string, name: string): IsthmusResource | undefined {
    return this.#known.get(resourceKey(kind, namespace, name))?.resource;
  }

  resources(): IsthmusResource[] {
    return [...this.#known.values()].flatMap(({ resource }) => resource ?? []);
  }

  /** Which object and which metadata.generation each resource is, as handed over so far. */
  versions(): Map<string, Version> {
    return new Map(this.#known);
  }

  /** What a watch of one of the four kinds tells. A change of status alone is none. */
  take(object: KubeObject, gone: boolean): void {
    const kind = kindOf(object);
    const { name, namespace = '', uid, generation = 0 } = object.metadata;
    const key = resourceKey(kind, namespace, name);
    const before = this.#known.get(key);
    const isDoubted = this.#doubted.delete(key);
    if (gone) {
      this.#changes.set(key, { type: 'gone', kind, namespace, name });
      this.#known.delete(key);
      this.#refer(key, before?.references ?? [], []);
    } else {
      if (before !== undefined && before.uid === uid && before.generation === generation && !isDoubted) return;
      const change = readResource(kind, object);
      this.#changes.set(key, change);
      const resource = change.type === 'resource' ? change.resource : undefined;
      const named = resource === undefined ? [] : references(resource);
      const wanted = named.map((reference) => dataKey(reference.kind, namespace, reference.name));
      this.#known.set(key, { resource, uid, generation, references: wanted });
      this.#refer(key, before?.references ?? [], wanted);
    }
    this.#options.onChange();
  }

  /** The API server has been restored from a backup: the same version may be another. namespace undefined: everywhere. */
  doubt(kind: string, namespace: string | undefined): void {
    const isMeant = (key: string) =>
      key.startsWith(`${kind} `) && (namespace === undefined || key.startsWith(`${kind} ${namespace}/`));
    for (const key of this.#known.keys()) if (isMeant(key)) this.#doubted.add(key);
    for (const key of this.#referrers.keys()) {
      if (!isMeant(key)) continue;
      this.#has.delete(key);
      this.#stale.add(key);
    }
    this.#options.onChange();
  }

  /** A Secret or ConfigMap has changed, appeared or disappeared. */
  touch(object: KubeObject): void {
    const key = dataKey(
      object.kind === 'Secret' ? 'Secret' : 'ConfigMap',
      object.metadata.namespace ?? '',
      object.metadata.name,
    );
    if (!this.#referrers.has(key)) return;
    this.#stale.add(key);
    this.#options.onChange();
  }

  /** Fetches what is missing and gives everything that has changed since the last call. */
  async changes(): Promise<Change[]> {
    const stale = this.#toFetch();
    for (const key of stale) this.#stale.delete(key);
    const fetched: Change[] = [];
    for (let start = 0; start < stale.length; start += FETCHES_AT_ONCE) {
      const batch = stale.slice(start, start + FETCHES_AT_ONCE);
      const found = await Promise.all(batch.map((key) => this.#fetch(key)));
      for (const change of found) if (change !== undefined) fetched.push(change);
    }
    const changes = [...fetched, ...this.#changes.values()];
    this.#changes.clear();
    return changes;
  }

  /** Things that could not be read are asked for again. */
  retry(): boolean {
    for (const key of this.#referrers.keys()) if (!this.#has.has(key)) this.#stale.add(key);
    return this.#toFetch().length > 0;
  }

  #toFetch(): string[] {
    const { hasSeen = () => true } = this.#options;
    return [...this.#stale].filter((key) => hasSeen(partsOf(key).namespace));
  }

  #refer(referrer: string, before: readonly string[], now: readonly string[]): void {
    for (const key of before) {
      const referrers = this.#referrers.get(key);
      referrers?.delete(referrer);
      if (referrers?.size !== 0) continue;
      this.#referrers.delete(key);
      this.#has.delete(key);
      this.#stale.delete(key);
      // Tables whose names change with their content would pile up in the compiler.
      this.#changes.set(key, { type: 'data', ...partsOf(key), found: 'unknown' });
    }
    for (const key of now) {
      this.#changes.delete(key);
      const referrers = this.#referrers.get(key);
      if (referrers !== undefined) referrers.add(referrer);
      else this.#referrers.set(key, new Set([referrer]));
      if (!this.#has.has(key)) this.#stale.add(key);
    }
  }

  /** undefined: nobody refers to it any more, or the compiler has it already. */
  async #fetch(key: string): Promise<Change | undefined> {
    if (!this.#referrers.has(key)) return undefined;
    const { kind, namespace, name } = partsOf(key);
    const metadata = this.#options.metadata[kind].get(namespace, name)?.metadata;
    if (metadata !== undefined && this.#has.get(key) === metadata.resourceVersion) return undefined;
    const answer = await this.#options.api.get(kind === 'Secret' ? SECRET : CONFIG_MAP, namespace, name);
    // The last reference went meanwhile, and the compiler forgets it: whoever refers to it next must have it read.
    if (!this.#referrers.has(key)) return undefined;
    const found = answer.ok ? dataOf(answer.value) : answer.status === 404 ? 'missing' : 'unknown';
    if (found === 'unknown') this.#has.delete(key);
    else this.#has.set(key, answer.ok ? (answer.value.metadata.resourceVersion ?? '') : '');
    return { type: 'data', kind, namespace, name, found };
  }
}

function kindOf({ kind }: KubeObject): Kind {
  const found = KINDS.find((each) => each === kind);
  if (found === undefined) throw new Error(`${kind} is none of ${KINDS.join(', ')}`);
  return found;
}

/**
 * The API server has checked it against the schema that is installed; an object may be older than that. The reasons are
 * worked out only for those that fail, as rules in CEL are slow.
 */
function readResource(kind: Kind, object: KubeObject): Change {
  const { status: _status, ...rest } = object;
  const spec = SCHEMAS[kind].spec.safeParse(object['spec'] ?? (SCHEMAS[kind].specOptional ? {} : undefined));
  if (spec.success) {
    const { managedFields: _managedFields, ...metadata } = object.metadata;
    const resource = { ...rest, metadata, spec: spec.data } as unknown as IsthmusResource;
    return { type: 'resource', resource: withOwnSigningKey(resource) };
  }
  const validation = validateResource(object);
  const problems = validation.ok
    ? spec.error.issues.map(({ message }) => message)
    : validation.problems.map(formatProblem);
  const { name, namespace = '', creationTimestamp } = object.metadata;
  return { type: 'invalid', invalid: { kind, namespace, name, creationTimestamp, spec: object['spec'], problems } };
}

/** A fleet that names no key for its trace fields has one of the operator's making. */
function withOwnSigningKey(resource: IsthmusResource): IsthmusResource {
  if (resource.kind !== 'RelayFleet' || resource.spec.signingSecretRef !== undefined) return resource;
  const signingSecretRef = { name: ownSigningKeyName(resource.metadata.name) };
  return { ...resource, spec: { ...resource.spec, signingSecretRef } };
}

function dataOf(object: KubeObject): LookupResult {
  const decode = (value: unknown) => Buffer.from(String(value), 'base64');
  const plain = (value: unknown) => Buffer.from(String(value), 'utf8');
  const entries = (field: string, read: (value: unknown) => Uint8Array): [string, Uint8Array][] =>
    Object.entries((object[field] ?? {}) as Record<string, unknown>).map(([key, value]) => [key, read(value)]);
  const data =
    object.kind === 'Secret' ? entries('data', decode) : [...entries('data', plain), ...entries('binaryData', decode)];
  return { data: Object.fromEntries(data), resourceVersion: object.metadata.resourceVersion };
}
