/** Counts messages a minute per client, so that one client's flood does not become everybody's delay. */

const WINDOW_MS = 60_000;

export class MessageRate {
  readonly #now: () => number;
  #windowStart = 0;
  #counts = new Map<string, number>();

  /** `now` in milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one message; false when the client has had its share of this minute. */
  take(client: string, messagesPerMinute: number): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(client) ?? 0) + 1;
    if (count > messagesPerMinute) return false;
    this.#counts.set(client, count);
    return true;
  }
}
