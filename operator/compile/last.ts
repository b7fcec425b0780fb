/** Keeps the last thing that was made for as long as what it was made of stays the same. */

export class Last<T> {
  #from: readonly unknown[] | undefined;
  #value: T | undefined;

  /** `make` must depend on nothing but `from`, whose members are compared as objects and not by their content. */
  of(from: readonly unknown[], make: () => T): T {
    if (this.#from === undefined || !sameMembers(this.#from, from)) {
      this.#value = make();
      this.#from = from;
    }
    return this.#value as T;
  }
}

export function sameMembers(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((member, at) => Object.is(member, other[at]));
}
