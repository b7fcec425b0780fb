/** Remembers for a while what next hops said about addresses, and asks nobody twice at the same time. */

import type { Answered } from '../core/discovery.ts';

/** A mailbox lasts: asking for it again every hour costs little. */
const TAKEN_MS = 3600 * 1000;
/** A mailbox that was just made should not bounce for long. */
const UNKNOWN_MS = 5 * 60 * 1000;

interface Kept {
  readonly answered: Answered;
  readonly until: number;
}

export class AnswerCache {
  readonly #now: () => number;
  readonly #most: number;
  #kept = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<Answered>>();

  /** `now` in milliseconds, monotonic; of more than `most` answers the oldest are forgotten. */
  constructor(now: () => number, most: number) {
    this.#now = now;
    this.#most = most;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** What is known, or is being asked at this moment; undefined: nobody has asked. */
  recall(key: string): Answered | Promise<Answered> | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return this.#asking.get(key);
    if (this.#now() < kept.until) return kept.answered;
    this.#kept.delete(key);
    return this.#asking.get(key);
  }

  /** Asks, and keeps what it may keep. */
  async learn(key: string, ask: () => Promise<Answered>): Promise<Answered> {
    const asking = ask();
    this.#asking.set(key, asking);
    try {
      const answered = await asking;
      if (this.#asking.get(key) === asking) this.#keep(key, answered);
      return answered;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  forget(key: string): void {
    this.#kept.delete(key);
  }

  /** Answers that are still under way are given to whoever waits for them, and not kept. */
  clear(): void {
    this.#kept = new Map();
    this.#asking.clear();
  }

  #keep(key: string, answered: Answered): void {
    const { answer } = answered;
    if (answer !== 'Taken' && answer !== 'Unknown') return;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#most) break;
      this.#kept.delete(oldest);
    }
    this.#kept.delete(key);
    this.#kept.set(key, { answered, until: this.#now() + (answer === 'Taken' ? TAKEN_MS : UNKNOWN_MS) });
  }
}
