/** Counts the connections that each client has open. */

import ipaddr from 'ipaddr.js';

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
