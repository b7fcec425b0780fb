/** How long a failed key waits: longer each time it fails, and longer when very many fail at once. */

/** client-go's: a second try at once, the last about every quarter of an hour. */
const FIRST_MS = 5;
const LONGEST_MS = 1_000_000;
/** client-go's: after a burst of 100, ten keys a second. */
const BURST = 100;
const PER_SECOND = 10;

export class RateLimit {
  readonly #failures = new Map<string, number>();
  #tokens = BURST;
  #at = Number.NEGATIVE_INFINITY;

  /** Milliseconds to wait. Each call counts as a failure of the key. */
  next(key: string, now: number): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.max(Math.min(LONGEST_MS, FIRST_MS * 2 ** failures), this.#bucket(now));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Tokens are promised in advance: the count below zero is the time to wait. */
  #bucket(now: number): number {
    const elapsedMs = Math.max(0, now - this.#at);
    this.#tokens = Math.min(BURST, this.#tokens + (elapsedMs / 1000) * PER_SECOND) - 1;
    this.#at = Math.max(this.#at, now);
    return this.#tokens >= 0 ? 0 : (-this.#tokens / PER_SECOND) * 1000;
  }
}
