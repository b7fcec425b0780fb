/** SHA-256 of a body in DKIM's relaxed canonical form, in one go or while it arrives (RFC 6376 §3.4.4). */

import { createHash, type Hash } from 'node:crypto';

export class RelaxedHash {
  readonly #hash: Hash = createHash('sha256');

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

export function hashRelaxed(body: Uint8Array): Uint8Array {
  const hash = new RelaxedHash();
  hash.update(body);
  return hash.digest();
}
