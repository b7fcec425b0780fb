/** SHA-256 of a body in DKIM's relaxed canonical form, in one go or while it arrives (RFC 6376 §3.4.4). */

import { createHash, type Hash } from 'node:crypto';
import { RelaxedBody } from '../core/relaxed-body.ts';

export class RelaxedHash {
  readonly #hash: Hash = createHash('sha256');
  readonly #canonical = new RelaxedBody((octets) => this.#hash.update(octets));

  update(chunk: Uint8Array): void {
    this.#canonical.update(chunk);
  }

  digest(): Uint8Array {
    this.#canonical.finish();
    return this.#hash.digest();
  }
}

export function hashRelaxed(body: Uint8Array): Uint8Array {
  const hash = new RelaxedHash();
  hash.update(body);
  return hash.digest();
}
