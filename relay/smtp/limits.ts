/** Counts what each client may have at once and per minute, in memory that no number of clients makes grow without end. */

import ipaddr from 'ipaddr.js';

const MINUTE_MS = 60_000;

/** IPv4 as it is; of IPv6 the /64, which is one customer's smallest share: it could use another address for every connection. */
export function clientKey(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address;
  const network = ipaddr.IPv6.parse(address).parts.slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

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

/** Messages per client in fixed minutes: one map a minute, thrown away with it. */
export class MessageRate {
  #minute = -1;
  #counts = new Map<string, number>();

  /** Counts one more; false when the client has had its share. `now` in milliseconds of a clock that never goes back. */
  take(key: string, limit: number, now: number): boolean {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#counts = new Map();
    }
    const count = this.#counts.get(key) ?? 0;
    if (count >= limit) return false;
    this.#counts.set(key, count + 1);
    return true;
  }
}
