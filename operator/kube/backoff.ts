/** How long to wait before the next attempt: longer each time, never in step with others, forgotten after a quiet time. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Attempts this far apart have nothing to do with each other. */
  readonly forgetAfterMs: number;
}

/** What client-go's reflectors wait: API servers are sized for it. */
export const WATCH_BACKOFF: BackoffOptions = { firstMs: 800, longestMs: 30_000, forgetAfterMs: 120_000 };

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #step = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: BackoffOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** Milliseconds: between the half and the whole of the step's. */
  next(now: number): number {
    const { firstMs, longestMs, forgetAfterMs } = this.#options;
    if (now - this.#lastAt > forgetAfterMs) this.#step = 0;
    const whole = Math.min(longestMs, firstMs * 2 ** this.#step);
    // The exponent stays small: 2 ** 1024 is Infinity, and Infinity minus itself is not a time.
    if (whole < longestMs) this.#step++;
    const wait = whole * (0.5 + this.#random() / 2);
    this.#lastAt = now + wait;
    return wait;
  }
}
