/** A received body, held in memory or in a spool file, that can be read any number of times. */

import { createHash, type Hash } from 'node:crypto';
import type { Body } from '../core/message.ts';
import { RelaxedBody } from '../core/relaxed-body.ts';
import type { SpoolFile } from './spool.ts';

export class MemoryBody implements Body {
  readonly size: number;
  #memory: readonly Uint8Array[] | undefined;
  #digest: Uint8Array | undefined;

  /** `digest`, when it was made while the body arrived. */
  constructor(memory: readonly Uint8Array[], digest?: Uint8Array) {
    this.size = memory.reduce((size, piece) => size + piece.length, 0);
    this.#memory = memory;
    this.#digest = digest;
  }

  get memory(): readonly Uint8Array[] {
    if (this.#memory === undefined) throw new Error('the body was given back before it was read');
    return this.#memory;
  }

  digest(): Uint8Array {
    this.#digest ??= hashOf(this.memory).digest();
    return this.#digest;
  }

  relaxedHash(): Promise<Uint8Array> {
    return hashRelaxed(this);
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.memory;
  }

  /** A small one stays: it costs less than a digest that nobody asks for. */
  dispose(): void {
    if (this.#digest !== undefined) this.#memory = undefined;
  }
}

export function hashOf(pieces: readonly Uint8Array[]): Hash {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash;
}

export class SpooledBody implements Body {
  readonly memory = undefined;
  readonly #file: SpoolFile;
  readonly #digest: Uint8Array;

  /** `digest` was made while the body arrived. */
  constructor(file: SpoolFile, digest: Uint8Array) {
    this.#file = file;
    this.#digest = digest;
  }

  get size(): number {
    return this.#file.size;
  }

  digest(): Uint8Array {
    return this.#digest;
  }

  relaxedHash(): Promise<Uint8Array> {
    return hashRelaxed(this);
  }

  chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#file.chunks();
  }

  dispose(): void {
    this.#file.dispose();
  }
}

async function hashRelaxed(body: Body): Promise<Uint8Array> {
  const hash = createHash('sha256');
  const canonical = new RelaxedBody((octets) => hash.update(octets));
  if (body.memory !== undefined) for (const piece of body.memory) canonical.update(piece);
  else for await (const chunk of body.chunks()) canonical.update(chunk);
  canonical.finish();
  return hash.digest();
}
