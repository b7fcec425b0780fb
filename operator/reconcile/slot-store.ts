/** A fleet's configuration as it lies in the cluster: pieces in slots, and the manifest that lists them. */

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { CONFIG_FORMAT } from '../../relay/core/config.ts';
import { type Manifest, MANIFEST_FILE, manifestSchema, type PieceReference } from '../../relay/core/manifest.ts';
import type { Piece, StoredFleet } from '../compilation/compiler.ts';
import type { Api, ApiAnswer, ApiFailure, KubeObject, ResourceType } from '../kube/api.ts';
import { configSlot } from '../manifests/config-slot.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import { manifestConfigMap } from '../manifests/manifest-config-map.ts';
import { manifestName, secretSlotIds, slotIds, slotName } from '../manifests/names.ts';
import { secretSlot } from '../manifests/secret-slot.ts';
import { roomFor } from '../slots/retain.ts';
import { CONFIG_MAP, SECRET } from './kinds.ts';
import { NO_ROOM } from './object-set.ts';

/** Pieces of one slot by key, with their size; undefined resourceVersion: the object is not there. */
interface SlotState {
  resourceVersion: string | undefined;
  readonly sizes: Map<string, number>;
  /** Keys under which somebody has written something else. */
  readonly broken: ReadonlySet<string>;
}

export type StoreResult = { readonly ok: true } | ApiFailure;

/** Of the proven revision. */
export type StoredConfig =
  | {
      readonly complete: true;
      readonly fleet: StoredFleet;
      readonly pieces: readonly Piece[];
      readonly memory: readonly Piece[];
    }
  | { readonly complete: false; readonly reason: string };

const DONE: StoreResult = { ok: true };
/** As many as a connection carries at once without keeping others waiting. */
const AT_ONCE = 8;

const isSecret = (slot: string) => slot.startsWith('s');
const typeOfSlot = (slot: string): ResourceType => (isSecret(slot) ? SECRET : CONFIG_MAP);
const valuesField = (slot: string) => (isSecret(slot) ? 'data' : 'binaryData');
const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

export class SlotStore {
  readonly #api: Api;
  readonly #owner: FleetIdentity;
  readonly #assertLeader: () => void;
  #slots = new Map<string, SlotState>();
  #manifest: { readonly resourceVersion: string | undefined; readonly content: Manifest } | undefined;

  /** `assertLeader` throws when this process may not write any more: it is asked before each write. */
  constructor(api: Api, owner: FleetIdentity, assertLeader: () => void) {
    this.#api = api;
    this.#owner = owner;
    this.#assertLeader = assertLeader;
  }

  get manifest(): Manifest | undefined {
    return this.#manifest?.content;
  }

  /** Reads everything back; undefined: nothing has ever been published. What was known stays when it cannot be read. */
  async read(): Promise<ApiAnswer<StoredConfig | undefined>> {
    const { namespace, name } = this.#owner;
    const found = await this.#api.get(CONFIG_MAP, namespace, manifestName(name));
    if (!found.ok && found.status !== 404) return found;
    const bytes = new Map<string, Uint8Array>();
    const slots = new Map<string, SlotState>();
    const ids = [...slotIds(), ...secretSlotIds()];
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const batch = ids.slice(start, start + AT_ONCE);
      const answers = await Promise.all(batch.map((slot) => this.#readSlot(slot, slots, bytes)));
      const failure = answers.find((answer) => answer !== undefined);
      if (failure !== undefined) return failure;
    }
    this.#slots = slots;
    this.#manifest = undefined;
    return { ok: true, value: found.ok ? this.#readManifest(found.value, bytes) : undefined };
  }

  #readManifest(object: KubeObject, bytes: ReadonlyMap<string, Uint8Array>): StoredConfig | undefined {
    const { namespace, name } = this.#owner;
    const manifest = parseManifest(object);
    const resourceVersion = object.metadata.resourceVersion ?? '';
    if (!manifest.ok) {
      this.#manifest = { resourceVersion, content: { format: CONFIG_FORMAT, revisions: [], memory: [] } };
      return { complete: false, reason: manifest.reason };
    }
    this.#manifest = { resourceVersion, content: manifest.value };
    const proven = manifest.value.revisions.find(({ state }) => state === 'proven');
    if (proven === undefined) return undefined;
    const lost = [...proven.pieces, ...manifest.value.memory].find(({ key }) => !bytes.has(key));
    if (lost !== undefined) {
      return { complete: false, reason: `${slotName(name, lost.slot)} does not hold piece ${lost.key.slice(0, 12)}` };
    }
    const of = (references: readonly PieceReference[]): Piece[] =>
      references.map((reference) => ({ ...reference, bytes: bytes.get(reference.key) ?? new Uint8Array() }));
    const [pieces, memory] = [of(proven.pieces), of(manifest.value.memory)];
    const octets = (all: readonly Piece[]) => all.map((piece) => piece.bytes);
    const fleet = { namespace, name, revision: proven.revision, pieces: octets(pieces), memory: octets(memory) };
    return { complete: true, fleet, pieces, memory };
  }

  /** Somebody has changed or removed the object of a slot: what it holds is looked up before it is relied on. */
  async inspect(slot: string): Promise<StoreResult> {
    return (await this.#readSlot(slot, this.#slots, new Map())) ?? DONE;
  }

  resourceVersionOf(slot: string): string | undefined {
    return this.#slots.get(slot)?.resourceVersion;
  }

  get manifestVersion(): string | undefined {
    return this.#manifest?.resourceVersion;
  }

  /**
   * Somebody has changed or removed the manifest since it was written. What has gone is made again as it was; for what
   * is another, the answer is `changed`: read() again.
   */
  async mendManifest(): Promise<StoreResult | 'changed'> {
    const known = this.#manifest;
    if (known === undefined) return DONE;
    const found = await this.#api.get(CONFIG_MAP, this.#owner.namespace, manifestName(this.#owner.name));
    if (!found.ok && found.status !== 404) return found;
    if (!found.ok) {
      this.#manifest = { ...known, resourceVersion: undefined };
      return await this.writeManifest(known.content);
    }
    const parsed = parseManifest(found.value);
    const isSame = parsed.ok && isDeepStrictEqual(parsed.value, known.content);
    const { resourceVersion } = found.value.metadata;
    const isOlder = Number(resourceVersion) < Number(known.resourceVersion);
    if (!isSame && !isOlder) return 'changed';
    this.#manifest = { ...known, resourceVersion };
    // An API server that was restored from a backup has forgotten what pods run, and who holds which name.
    return isSame ? DONE : await this.writeManifest(known.content);
  }

  /** Writes those of the pieces that are not there, or not as they should be, beside what is. */
  async put(pieces: readonly Piece[]): Promise<StoreResult> {
    const missing = Map.groupBy(
      pieces.filter(({ slot, key }) => {
        const state = this.#slots.get(slot);
        return state?.sizes.has(key) !== true || state.broken.has(key);
      }),
      ({ slot }) => slot,
    );
    const slots = [...missing];
    for (let start = 0; start < slots.length; start += AT_ONCE) {
      const batch = slots.slice(start, start + AT_ONCE);
      const results = await Promise.all(batch.map(([slot, added]) => this.#putInto(slot, added)));
      const failure = results.find((result) => !result.ok);
      if (failure !== undefined) return failure;
    }
    return DONE;
  }

  /** A 409 means that somebody else has written since: read() again. */
  async writeManifest(content: Manifest): Promise<StoreResult> {
    const before = this.#manifest?.resourceVersion;
    this.#assertLeader();
    const object = manifestConfigMap(this.#owner, content, before);
    const answer = await (before === undefined
      ? this.#api.create(CONFIG_MAP, object)
      : this.#api.update(CONFIG_MAP, object));
    if (!answer.ok) return answer;
    this.#manifest = { resourceVersion: answer.value.metadata.resourceVersion ?? '', content };
    return DONE;
  }

  /** Removes what the manifest does not list. Whoever wrote into a slot since keeps it: the next look decides. */
  async prune(): Promise<StoreResult> {
    const listed = this.#listed();
    for (const [slot, state] of this.#slots) {
      const left = [...state.sizes.keys()].filter((key) => !listed.has(key));
      if (left.length === 0) continue;
      const result = await this.#patch(slot, new Map(), left);
      if (!result.ok) return result;
    }
    return DONE;
  }

  #listed(): Set<string> {
    const { revisions = [], memory = [] } = this.#manifest?.content ?? {};
    return new Set([...revisions.flatMap(({ pieces }) => pieces), ...memory].map(({ key }) => key));
  }

  async #readSlot(
    slot: string,
    slots: Map<string, SlotState>,
    bytes: Map<string, Uint8Array>,
  ): Promise<ApiFailure | undefined> {
    const answer = await this.#api.get(typeOfSlot(slot), this.#owner.namespace, slotName(this.#owner.name, slot));
    if (!answer.ok) {
      if (answer.status !== 404) return answer;
      slots.set(slot, { resourceVersion: undefined, sizes: new Map(), broken: new Set() });
      return undefined;
    }
    const sizes = new Map<string, number>();
    const broken = new Set<string>();
    for (const [key, value] of Object.entries((answer.value[valuesField(slot)] ?? {}) as Record<string, string>)) {
      const octets = Buffer.from(value, 'base64');
      sizes.set(key, octets.length);
      // A pod that starts would find something else than what the manifest names, and wait for it.
      if (createHash('sha256').update(octets).digest('hex') === key) bytes.set(key, octets);
      else broken.add(key);
    }
    slots.set(slot, { resourceVersion: answer.value.metadata.resourceVersion, sizes, broken });
    return undefined;
  }

  async #putInto(slot: string, added: readonly Piece[]): Promise<StoreResult> {
    const state = this.#slots.get(slot);
    if (state?.resourceVersion === undefined) {
      const make = isSecret(slot) ? secretSlot : configSlot;
      const values = Object.fromEntries(added.map(({ key, bytes }) => [key, base64(bytes)]));
      this.#assertLeader();
      const answer = await this.#api.create(typeOfSlot(slot), make(this.#owner, slot, values));
      return this.#remember(slot, answer, added, []);
    }
    const intact = new Map([...state.sizes].filter(([key]) => !state.broken.has(key)));
    const room = roomFor(intact, added, this.#listed());
    if (!room.ok) return { ok: false, status: undefined, reason: NO_ROOM, message: room.reason };
    return await this.#patch(slot, new Map(added.map((piece) => [piece.key, piece])), room.remove);
  }

  /** With the resourceVersion last seen: an earlier leader that wakes up changes nothing. */
  async #patch(slot: string, added: ReadonlyMap<string, Piece>, removed: readonly string[]): Promise<StoreResult> {
    const resourceVersion = this.#slots.get(slot)?.resourceVersion;
    const values: [string, string | null][] = [
      ...removed.map((key): [string, null] => [key, null]),
      ...[...added.values()].map(({ key, bytes }): [string, string] => [key, base64(bytes)]),
    ];
    const patch = { metadata: { resourceVersion }, [valuesField(slot)]: Object.fromEntries(values) };
    const { namespace, name } = this.#owner;
    this.#assertLeader();
    const answer = await this.#api.merge(typeOfSlot(slot), namespace, slotName(name, slot), patch);
    return this.#remember(slot, answer, [...added.values()], removed);
  }

  async #remember(
    slot: string,
    answer: ApiAnswer<KubeObject>,
    added: readonly Piece[],
    removed: readonly string[],
  ): Promise<StoreResult> {
    if (!answer.ok) {
      // What is there now is not what was thought to be: it is looked at before the next try.
      if (answer.status === 409 || answer.status === 404) await this.inspect(slot);
      return answer;
    }
    const before = this.#slots.get(slot);
    const sizes = new Map(before?.sizes);
    for (const key of removed) sizes.delete(key);
    for (const { key, bytes } of added) sizes.set(key, bytes.length);
    const changed = new Set([...removed, ...added.map(({ key }) => key)]);
    const broken = new Set([...(before?.broken ?? [])].filter((key) => !changed.has(key)));
    this.#slots.set(slot, { resourceVersion: answer.value.metadata.resourceVersion, sizes, broken });
    return DONE;
  }
}

type ParsedManifest = { readonly ok: true; readonly value: Manifest } | { readonly ok: false; readonly reason: string };

function parseManifest(object: KubeObject): ParsedManifest {
  const text = (object['data'] as Record<string, string> | undefined)?.[MANIFEST_FILE];
  const where = `ConfigMap ${object.metadata.name}, key ${MANIFEST_FILE},`;
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(text ?? ''));
    if (parsed.success) return { ok: true, value: parsed.data };
    return { ok: false, reason: `${where} is not of format ${CONFIG_FORMAT}: ${parsed.error.issues[0]?.message}` };
  } catch {
    return { ok: false, reason: `${where} is no JSON` };
  }
}
