/** Collects pieces into one run of bytes; a single piece is kept as it is, without a copy. */

/** Twice an ordinary network read's first piece: most messages of more than one piece never grow it. */
const FIRST_CAPACITY = 16 * 1024;
const EMPTY = Buffer.alloc(0);

export class ByteCollector {
  /** Memory of the bytes; `length` of it are filled. A lone piece fills its own memory exactly. */
  #memory: Buffer = EMPTY;
  length = 0;

  append(piece: Uint8Array): void {
    if (this.length === 0) {
      this.#memory = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      this.length = piece.length;
      return;
    }
    const needed = this.length + piece.length;
    if (needed > this.#memory.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_CAPACITY, needed, this.length * 2));
      this.#memory.copy(grown, 0, 0, this.length);
      this.#memory = grown;
    }
    this.#memory.set(piece, this.length);
    this.length = needed;
  }

  /** A view, valid until the next append. */
  bytes(): Buffer {
    return this.#memory.subarray(0, this.length);
  }

  take(): Buffer {
    const bytes = this.bytes();
    this.#memory = EMPTY;
    this.length = 0;
    return bytes;
  }
}
