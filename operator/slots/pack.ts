/** Packs a configuration into pieces for its slots: the same input gives the same octets, and what changed changes little. */

import { createHash } from 'node:crypto';
import type { Credentials, RelayConfig } from '../../relay/core/config.ts';
import type { Piece } from '../compilation/compiler.ts';
import { compareText } from '../compile/order.ts';
import type { Tombstone } from '../compile/tombstones.ts';
import { PIECE_BYTES, secretSlotIds, slotIds } from '../manifests/names.ts';
import { type Chunk, ChunkMaker } from './chunks.ts';
import { type KeyedHash, keyedHash, partsOf } from './parts.ts';

/** Two members that hold a salt, one for the configuration's piece and one for what is remembered. */
const SALT_ROOM = 512;

export interface PackInput {
  readonly config: RelayConfig;
  readonly credentials: Credentials;
  /** Names of rules, in force, left out or remembered, of which rows come from a Secret. */
  readonly confidentialRules: ReadonlySet<string>;
  readonly tombstones: readonly Tombstone[];
}

export type Packed =
  | {
      readonly ok: true;
      readonly pieces: Piece[];
      readonly memory: Piece[];
      /** `TenantRoute/tenant1` → hash of what became of it, for each resource that is in force. */
      readonly parts: Map<string, string>;
    }
  | { readonly ok: false; readonly tooLarge: string };

interface Made {
  readonly chunks: readonly Chunk[];
  readonly piece: Piece;
}

/** Of one fleet. Remembers what it packed last: what did not change costs nothing. */
export class Packer {
  readonly #hash: KeyedHash;
  readonly #chunks: ChunkMaker;
  /** By purpose and slot: what the piece was made of. */
  #made = new Map<string, Made>();

  /** `key` is secret and lasting: whoever knows it can try guesses at what lies in Secrets. */
  constructor(key: string) {
    this.#hash = keyedHash(key);
    this.#chunks = new ChunkMaker(this.#hash);
  }

  pack(input: PackInput): Packed {
    this.#chunks.begin();
    const { config, credentials, confidentialRules, tombstones } = input;
    const isConfidential = ({ name }: { readonly name: string }) => confidentialRules.has(name);
    const confidentialGrave = (tombstone: Tombstone) => tombstone.kind === 'RewriteRule' && isConfidential(tombstone);
    const cut = config.rewriteRules.map((rule) => ({ rule, ...this.#chunks.rule(rule) }));
    // Held addresses and domains do not say whose they are; a rule that is left out may hold some of a Secret.
    const heldAreConfidential = confidentialRules.size > 0;
    const open: Chunk[] = [];
    const secret = this.#chunks.credentials(credentials);
    const heldTarget = heldAreConfidential ? secret : open;
    heldTarget.push(this.#chunks.head(config), ...this.#chunks.heldAddresses(config.held.addresses));
    for (const { rule, chunks } of cut) (isConfidential(rule) ? secret : open).push(...chunks);
    const graves = { open: [] as Chunk[], secret: [] as Chunk[] };
    for (const tombstone of tombstones) {
      graves[confidentialGrave(tombstone) ? 'secret' : 'open'].push(...this.#chunks.tombstone(tombstone));
    }
    const openRoom = new Slots(slotIds(), PIECE_BYTES);
    const secretRoom = new Slots(secretSlotIds(), PIECE_BYTES - SALT_ROOM);
    const placed = [openRoom.place(open), secretRoom.place(secret)];
    const neededNow = { open: openRoom.needed, secret: secretRoom.needed };
    // What is remembered takes the room that is left: no configuration moves for it.
    const remembered = [openRoom.place(graves.open), secretRoom.place(graves.secret)];
    const tooLarge = openRoom.problem('ConfigMaps', neededNow.open) ?? secretRoom.problem('Secrets', neededNow.secret);
    if (tooLarge !== undefined) return { ok: false, tooLarge };
    const before = this.#made;
    this.#made = new Map();
    const make = (purpose: string, slots: Placed[]) =>
      slots.flatMap((placing) => [...placing].map(([slot, chunks]) => this.#piece(purpose, slot, chunks, before)));
    const rulePart = new Map(cut.map(({ rule, part }) => [rule, part]));
    return {
      ok: true,
      pieces: make('config', placed),
      memory: make('memory', remembered),
      parts: partsOf(config, (rule) => rulePart.get(rule) ?? ''),
    };
  }

  #piece(purpose: string, slot: string, chunks: readonly Chunk[], before: ReadonlyMap<string, Made>): Piece {
    const name = `${purpose} ${slot}`;
    const known = before.get(name);
    const made =
      known !== undefined && sameBytes(known.chunks, chunks) ? known : { chunks, piece: this.#write(slot, chunks) };
    this.#made.set(name, made);
    return made.piece;
  }

  #write(slot: string, chunks: readonly Chunk[]): Piece {
    const content = Buffer.concat(chunks.map((chunk) => chunk.bytes));
    const bytes = slot.startsWith('s') ? Buffer.concat([this.#salt(content), content]) : content;
    return { slot, key: createHash('sha256').update(bytes).digest('hex'), bytes };
  }

  /** The piece's hash stands in a ConfigMap: with the salt it says nothing about what the piece holds. */
  #salt(content: Buffer): Uint8Array {
    return this.#chunks.salt(this.#hash(content.toString('latin1')));
  }
}

function sameBytes(one: readonly Chunk[], other: readonly Chunk[]): boolean {
  return one.length === other.length && one.every(({ bytes }, at) => bytes === other[at]?.bytes);
}

type Placed = Map<string, Chunk[]>;

/** Fills slots: a chunk goes where its name says, or into the next slot with room. */
class Slots {
  readonly #ids: readonly string[];
  readonly #room: number[];
  readonly #capacity: number;
  #needed = 0;
  #full = false;

  constructor(ids: readonly string[], capacity: number) {
    this.#ids = ids;
    this.#room = ids.map(() => capacity);
    this.#capacity = capacity;
  }

  /** Slots in their order, chunks by name. */
  place(chunks: readonly Chunk[]): Placed {
    const slots: Chunk[][] = this.#ids.map(() => []);
    for (const chunk of [...chunks].sort((a, b) => compareText(a.name, b.name))) {
      this.#needed += chunk.bytes.length;
      const slot = this.#slotFor(chunk);
      if (slot === undefined) this.#full = true;
      else slots[slot]?.push(chunk);
    }
    return new Map(this.#ids.flatMap((id, at) => (slots[at]?.length ? [[id, slots[at]]] : [])));
  }

  get needed(): number {
    return this.#needed;
  }

  /** `neededNow`: without what is remembered. */
  problem(kind: string, neededNow: number): string | undefined {
    if (!this.#full) return undefined;
    const mebibytes = (octets: number) => `${(octets / 1024 / 1024).toFixed(1)} MiB`;
    const has = `${this.#ids.length} ${kind} take ${mebibytes(this.#ids.length * this.#capacity)}`;
    const needs = `it needs ${mebibytes(this.#needed)} packed, and its ${has}, in parts of at most ${this.#capacity} octets`;
    if (this.#needed === neededNow) return needs;
    const remembered = `${mebibytes(this.#needed - neededNow)} of it hold what was removed lately`;
    return `${needs}: ${remembered}; a shorter spec.removedDomainHoldSeconds of the RelayFleet frees them`;
  }

  #slotFor({ home, bytes }: Chunk): number | undefined {
    const count = this.#ids.length;
    for (let step = 0; step < count; step++) {
      const slot = (home + step) % count;
      const room = this.#room[slot] ?? 0;
      if (room < bytes.length) continue;
      this.#room[slot] = room - bytes.length;
      return slot;
    }
    return undefined;
  }
}
