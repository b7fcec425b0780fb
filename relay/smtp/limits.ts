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

  remove(key: string): void {
    this.total--;
    const left = this.of(key) - 1;
    if (left > 0) this.#perClient.set(key, left);
    else this.#perClient.delete(key);
  }
}
