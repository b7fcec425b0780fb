/** One timer for one connection: pushed back thousands of times a second, it costs a look at the clock each time. */

export class Patience {
  readonly #over: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #firesAt = 0;
  /** When patience is over. */
  #endsAt = 0;

  constructor(over: () => void) {
    this.#over = over;
  }

  /** From now on for `milliseconds`, and never past `until` (performance.now()). What was set before counts no more. */
  set(milliseconds: number, until = Infinity): void {
    const now = performance.now();
    this.#endsAt = Math.min(now + milliseconds, until);
    // A timer that fires too early looks at the clock and sets itself again; one that fires too late must be replaced.
    if (this.#timer !== undefined && this.#firesAt <= this.#endsAt) return;
    clearTimeout(this.#timer);
    this.#start(now);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(now: number): void {
    this.#firesAt = this.#endsAt;
    this.#timer = setTimeout(this.#fired, Math.max(1, Math.ceil(this.#endsAt - now)));
  }

  #fired = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    if (this.#endsAt > now) this.#start(now);
    else this.#over();
  };
}
