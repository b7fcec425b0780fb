/** A received body, held in memory or in a spool file, that can be read any number of times. */

import type { Body } from '../core/message.ts';
import { hashRelaxed } from './relaxed-hash.ts';
import type { SpoolFile } from './spool.ts';

export class MemoryBody implements Body {
  readonly memory: Uint8Array;
  #relaxedHash: Uint8Array | undefined;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  get size(): number {
    return this.memory.length;
  }

  /** Made when it is first asked for: most small messages are not signed. */
  get relaxedHash(): Uint8Array {
    this.#relaxedHash ??= hashRelaxed(this.memory);
    return this.#relaxedHash;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.memory.length > 0) yield this.memory;
  }
}

export class SpooledBody implements Body {
  readonly memory = undefined;
  readonly relaxedHash: Uint8Array;
  readonly #file: SpoolFile;

  constructor(file: SpoolFile, relaxedHash: Uint8Array) {
    this.#file = file;
    this.relaxedHash = relaxedHash;
  }

  get size(): number {
    return this.#file.size;
  }

  chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#file.chunks();
  }
}
