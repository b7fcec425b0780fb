/** Holds a body in the pieces it came in, without a copy; small ones are gathered, or a client's octets would cost more than they are. */

/** About a large page's worth of network packets; a smaller piece is copied sooner than it is worth an object. */
const KEPT_OCTETS = 4 * 1024;
const BLOCK_OCTETS = 16 * 1024;
const NO_BLOCK = Buffer.alloc(0);

export class BodyPieces {
  length = 0;
  #pieces: Uint8Array[] = [];
  /** Small pieces, the first `#gathered` octets of it. */
  #block: Buffer = NO_BLOCK;
  #gathered = 0;

  append(piece: Uint8Array): void {
    const first = this.length === 0;
    this.length += piece.length;
    if (first || piece.length >= KEPT_OCTETS) {
      this.#closeBlock();
      this.#pieces.push(piece);
      return;
    }
    if (this.#gathered + piece.length > this.#block.length) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(BLOCK_OCTETS);
    }
    this.#block.set(piece, this.#gathered);
    this.#gathered += piece.length;
  }

  /** All of it so far. */
  pieces(): readonly Uint8Array[] {
    this.#closeBlock();
    return this.#pieces;
  }

  /** All of it; nothing is left here. */
  take(): readonly Uint8Array[] {
    const pieces = this.pieces();
    this.#pieces = [];
    this.length = 0;
    return pieces;
  }

  #closeBlock(): void {
    if (this.#gathered === 0) return;
    this.#pieces.push(this.#block.subarray(0, this.#gathered));
    this.#block = this.#block.subarray(this.#gathered);
    this.#gathered = 0;
  }
}
