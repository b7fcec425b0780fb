/**
 * Finds rows by address among all rules. It only ever grows: who looks at an earlier state of it looks over what came
 * later, so that a changed rule costs its own rows and not a new index.
 */

import type { Column, PackedRows } from './packed-rows.ts';

/** No row. */
const END = -1;
/** Room for rows that are no rule's any more, so that all is seldom made anew: a quarter of those there are, and these. */
const SPARE_ROWS = 10_000;

export class AddressIndex {
  readonly #capacity: number;
  /** By column: hash → the row that came last, row → the one before it with the same bits of its hash. */
  readonly #buckets: readonly [Int32Array, Int32Array];
  readonly #next: readonly [Int32Array, Int32Array];
  #count = 0;

  constructor(rows: number) {
    this.#capacity = Math.ceil(rows * 1.25) + SPARE_ROWS;
    const buckets = 2 ** Math.floor(Math.log2(this.#capacity));
    this.#buckets = [new Int32Array(buckets).fill(END), new Int32Array(buckets).fill(END)];
    this.#next = [new Int32Array(this.#capacity), new Int32Array(this.#capacity)];
  }

  /** Whether so many rows can be added. */
  hasRoom(rows: number): boolean {
    return this.#count + rows <= this.#capacity;
  }

  /** The number of the first of them. */
  add({ hashes, count }: PackedRows): number {
    if (!this.hasRoom(count)) throw new Error('the index of addresses is full');
    const first = this.#count;
    this.#count += count;
    for (const column of [0, 1] as const) {
      const buckets = this.#buckets[column];
      const next = this.#next[column];
      const mask = buckets.length - 1;
      for (let at = 0; at < count; at++) {
        const bucket = (hashes[at * 2 + column] ?? 0) & mask;
        next[first + at] = buckets[bucket] ?? END;
        buckets[bucket] = first + at;
      }
    }
    return first;
  }

  /** Numbers of rows that may hold an address with this hash, and of others. */
  *candidates(column: Column, hash: number): Generator<number> {
    const buckets = this.#buckets[column];
    const next = this.#next[column];
    const bucket = hash & (buckets.length - 1);
    for (let row = buckets[bucket] ?? END; row !== END; row = next[row] ?? END) yield row;
  }
}
