/** The memory that large bodies of one process share: whoever finds no room there waits in a file. */

export class BodyMemory {
  #free: number;

  constructor(octets: number) {
    this.#free = octets;
  }

  share(): MemoryShare {
    return new MemoryShare((octets) => {
      if (octets > this.#free) return false;
      this.#free -= octets;
      return true;
    });
  }
}

/** What one body has of it. */
export class MemoryShare {
  readonly #take: (octets: number) => boolean;
  #held = 0;

  constructor(take: (octets: number) => boolean) {
    this.#take = take;
  }

  /** Whether there is room for `octets` in all. */
  holds(octets: number): boolean {
    if (!this.#take(octets - this.#held)) return false;
    this.#held = octets;
    return true;
  }

  /** May be called twice. */
  giveBack(): void {
    this.#take(-this.#held);
    this.#held = 0;
  }
}
