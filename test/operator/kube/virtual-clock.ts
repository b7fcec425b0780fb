/** A clock that goes only when a test says so, and then calls everything that is due, in its order. */

import type { Clock } from '../../../operator/kube/clock.ts';

export interface VirtualClock extends Clock {
  /** Lets that time pass; between two calls, what was awaited goes on. */
  advance(ms: number): Promise<void>;
  /** How many calls are still to come. */
  pending(): number;
}

interface Call {
  readonly at: number;
  readonly call: () => void;
}

export function virtualClock(): VirtualClock {
  let now = 0;
  const calls = new Set<Call>();
  const next = (until: number): Call | undefined => {
    let first: Call | undefined;
    for (const each of calls) if (each.at <= until && (first === undefined || each.at < first.at)) first = each;
    return first;
  };
  return {
    now: () => now,
    wall: () => Date.UTC(2026, 0, 1) + now,
    after(ms, call) {
      const entry = { at: now + Math.max(0, ms), call };
      calls.add(entry);
      return () => void calls.delete(entry);
    },
    async advance(ms) {
      const end = now + ms;
      for (let due = next(end); due !== undefined; due = next(end)) {
        now = due.at;
        calls.delete(due);
        due.call();
        await settled();
      }
      now = end;
      await settled();
    },
    pending: () => calls.size,
  };
}

/** Everything that waits for nothing but promises has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
