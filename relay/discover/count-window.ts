/** Counts events by name in windows of time that begin anew together, for a bounded number of names. */

export class CountWindow {
  readonly #milliseconds: number;
  readonly #now: () => number;
  readonly #most: number;
  #began: number;
  #counts = new Map<string, number>();

  /** `now` in milliseconds, monotonic; of more than `most` names a window, the first are forgotten. */
  constructor(milliseconds: number, now: () => number, most: number) {
    this.#milliseconds = milliseconds;
    this.#now = now;
    this.#most = most;
    this.#began = now();
  }

  /** Counts one, and says how many it makes. */
  add(name: string): number {
    const count = this.count(name) + 1;
    if (this.#counts.size >= this.#most && !this.#counts.has(name)) {
      for (const first of this.#counts.keys()) {
        this.#counts.delete(first);
        break;
      }
    }
    this.#counts.set(name, count);
    return count;
  }

  count(name: string): number {
    const now = this.#now();
    if (now - this.#began >= this.#milliseconds) {
      this.#began = now;
      this.#counts = new Map();
    }
    return this.#counts.get(name) ?? 0;
  }
}
