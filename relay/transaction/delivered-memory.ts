/** Remembers what a next hop took after its client had gone, so that the client's retry is answered 250 without a second delivery. */

import type { Body } from '../core/message.ts';

/** What makes two attempts the same message (mail-flow, Time): RFC 1047's window, made as small as it gets. */
export interface Delivery {
  /** The proven tenant's name, or the address of a client from the internet. */
  readonly client: string;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly messageId: string;
  /** Asked for its digest only when there is something to compare it with. */
  readonly body: Pick<Body, 'digest'>;
}

/** Of 5,000 idle connections that is 80 MB at most; hashing it takes 10 µs, which most mail is spared. */
const KEPT_WHOLE_OCTETS = 16 * 1024;

/** What is kept of a body while its client has not been heard from: the next message on a connection lets it go. */
export function keepsakeOf(body: Body): Delivery['body'] {
  if (body.size <= KEPT_WHOLE_OCTETS) return body;
  const digest = body.digest();
  return { digest: () => digest };
}

/** A sender that lost our answer comes back within a day; later than that it is somebody's second message. */
const KEPT_MS = 24 * 3600 * 1000;
/** About 200 octets each: 20 MB at most, and a pod that loses that many clients after their dots has other problems. */
const MAX_ENTRIES = 100_000;

function keyOf(delivery: Delivery): string {
  const recipients = [...delivery.recipients].sort().join('\n');
  const hash = Buffer.from(delivery.body.digest()).toString('base64');
  return [delivery.client, delivery.reversePath, recipients, delivery.messageId, hash].join('\n\n');
}

export class DeliveredMemory {
  readonly #entries = new Map<string, number>();
  readonly #now: () => number;

  readonly #onRemembered: (key: string) => void;

  /** `now` in milliseconds since the epoch. */
  constructor(now: () => number, onRemembered: (key: string) => void = () => {}) {
    this.#now = now;
    this.#onRemembered = onRemembered;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Not without a Message-ID: two messages of a device that writes none may differ in their headers alone, and none may be lost. */
  remember(delivery: Delivery): void {
    if (delivery.messageId === '') return;
    const key = keyOf(delivery);
    this.learn(key);
    this.#onRemembered(key);
  }

  /** Another worker has remembered it. */
  learn(key: string): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < MAX_ENTRIES && !this.#expired(oldest)) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, this.#now());
  }

  /** Stays true: the answer to the retry may get lost as well. */
  recall(delivery: Delivery): boolean {
    if (this.#entries.size === 0) return false;
    const key = keyOf(delivery);
    return this.#entries.has(key) && !this.#expired(key);
  }

  #expired(key: string): boolean {
    return this.#now() - (this.#entries.get(key) ?? 0) > KEPT_MS;
  }
}
