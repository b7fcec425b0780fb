/** Counts the connections that each client has open. */

export class OpenConnections {
  readonly #perClient = new Map<string, number>();
  total = 0;

  of(key: string): number {
    return this.#perClient.get(key) ?? 0;
  }

  add(key: string): void {
    this.total++;
    this.#perClient.set(key, this.of(key) + 1);
  }

  /** It stays open, and no longer counts as its client's. */
  release(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#perClient.set(key, left);
    else this.#perClient.delete(key);
  }

  /** It is closed; `key` unless it was released. */
  remove(key: string | undefined): void {
    this.total--;
    if (key !== undefined) this.release(key);
  }
}
