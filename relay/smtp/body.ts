/** A received body, held in memory or in a spool file, that can be read any number of times. */

import { createHash } from 'node:crypto';
import type { Body } from '../core/message.ts';
import { RelaxedBody } from '../core/relaxed-body.ts';
import type { SpoolFile } from './spool.ts';

export class MemoryBody implements Body {
  readonly memory: Uint8Array;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  get size(): number {
    return this.memory.length;
  }

  digest(): Uint8Array {
    return createHash('sha256').update(this.memory).digest();
  }

  relaxedHash(): Promise<Uint8Array> {
    return hashRelaxed(this);
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.memory.length > 0) yield this.memory;
  }
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
}

async function hashRelaxed(body: Body): Promise<Uint8Array> {
  const hash = createHash('sha256');
  const canonical = new RelaxedBody((octets) => hash.update(octets));
  if (body.memory !== undefined) canonical.update(body.memory);
  else for await (const chunk of body.chunks()) canonical.update(chunk);
  canonical.finish();
  return hash.digest();
}
