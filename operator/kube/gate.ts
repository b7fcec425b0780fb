/** Lets a number of calls through at once, the others in the order in which they came. */

export class Gate {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(width: number) {
    this.#width = width;
  }

  async pass<T>(call: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#width) this.#inside++;
    else {
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn.resolve);
      await turn.promise;
    }
    try {
      return await call();
    } finally {
      // Who goes in next takes over the place of who goes out: nobody slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside--;
      else next();
    }
  }
}
