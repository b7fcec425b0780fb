/** How much mail a next hop gets: a rate where one is set, and pauses when it says that it is too much. */

import type { Stage } from '../core/delivery.ts';
import type { Reply } from '../core/reply.ts';
import type { Durations } from './durations.ts';

/**
 * Exchange Online's throttling codes: 4.7.500–699 for an address whose volume jumps, 4.7.850–899 for one under
 * evaluation.
 */
function isExchangeThrottling(enhancedStatus: string): boolean {
  const detail = Number(enhancedStatus.slice('4.7.'.length));
  return (detail >= 500 && detail <= 699) || (detail >= 850 && detail <= 899);
}

/**
 * Whether a reply speaks of the amount of mail. At RCPT and later a plain 4.7.1 is greylisting, which speaks of one
 * recipient.
 */
function asksForLess(reply: Reply, stage: Stage): boolean {
  if (reply.enhancedStatus === undefined || !reply.enhancedStatus.startsWith('4.7.')) return false;
  const early = stage === 'greeting' || stage === 'ehlo' || stage === 'mail';
  return early || isExchangeThrottling(reply.enhancedStatus);
}

export class Throttle {
  readonly #durations: Durations;
  /** Messages a millisecond; undefined for no limit. */
  readonly #rate: number | undefined;
  readonly #burst: number;
  #tokens: number;
  #countedAt = performance.now();
  #pause: number;
  #pausedUntil = 0;

  constructor(messagesPerMinute: number | undefined, durations: Durations) {
    this.#durations = durations;
    this.#rate = messagesPerMinute === undefined ? undefined : messagesPerMinute / 60_000;
    this.#burst = messagesPerMinute ?? 0;
    this.#tokens = this.#burst;
    this.#pause = durations.pause;
  }

  /** Counts a message; false when it is one too many within a minute. */
  admit(): boolean {
    if (this.#rate === undefined) return true;
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * this.#rate);
    this.#countedAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  heard(reply: Reply, stage: Stage): void {
    if (!asksForLess(reply, stage)) return;
    const now = performance.now();
    // The connections of one moment are refused together: that is one wish, not many.
    if (now < this.#pausedUntil) return;
    this.#pausedUntil = now + this.#pause;
    this.#pause = Math.min(this.#pause * 2, this.#durations.pauseMost);
  }

  delivered(): void {
    this.#pause = this.#durations.pause;
  }

  /** Milliseconds for which no transaction should begin; 0 for none. */
  get pauseLeft(): number {
    return this.#pausedUntil === 0 ? 0 : Math.max(0, this.#pausedUntil - performance.now());
  }
}
