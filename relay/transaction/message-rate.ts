/** Counts messages a minute per client, so that one client's flood does not become everybody's delay. */

import type { LimitsConfig } from '../core/config.ts';
import { clientKey } from '../core/network.ts';
import { reply } from '../core/reply.ts';
import { type ClientIdentity, sharesItsAddress } from '../core/source.ts';

export const TOO_FAST = reply(451, '4.7.1', 'Too many messages in a minute, please try again later');

const WINDOW_MS = 60_000;

export class MessageRate {
  readonly #now: () => number;
  #windowStart = 0;
  #counts = new Map<string, number>();

  /** `now` in milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one message; false when the client has had its share of this minute. */
  take(client: string, messagesPerMinute: number): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(client) ?? 0) + 1;
    if (count > messagesPerMinute) return false;
    this.#counts.set(client, count);
    return true;
  }
}

/**
 * Whether one more message fits a client's share of this minute: a proven tenant's, wherever it comes from, else an
 * address's.
 */
export function takesMessage(
  rate: MessageRate,
  client: ClientIdentity,
  address: string,
  limits: LimitsConfig,
): boolean {
  const { messagesPerMinutePerClient: share, connections, connectionsPerClient } = limits;
  if (client.kind === 'Tenant') return rate.take(`route ${client.route.name}`, share);
  if (!sharesItsAddress(client)) return rate.take(clientKey(address), share);
  // All of Exchange Online together may bring what all clients may that can be connected at once.
  return rate.take('exchange online', share * Math.max(1, Math.floor(connections / connectionsPerClient)));
}
