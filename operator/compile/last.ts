/** Keeps the last thing that was made for as long as what it was made of stays the same. */

export class Last<T> {
  #from: readonly unknown[] | undefined;
  #value: T | undefined;

  /** `make` must depend on nothing but `from`, whose members are compared as objects and not by their content. */
  of(from: readonly unknown[], make: () => T): T {
    const before = this.#from;
    if (before === undefined || before.length !== from.length || !before.every((one, at) => Object.is(one, from[at]))) {
      this.#value = make();
      this.#from = from;
    }
    return this.#value as T;
  }
}
