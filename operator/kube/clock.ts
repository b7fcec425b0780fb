/** The time, as the runtime sees it: passed in, so that what waits for minutes can be tested in no time. */

export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970, as the machine believes. It may jump; it also counts while the machine is suspended. */
  wall(): number;
  /** Calls once, later. What it returns cancels the call. */
  after(ms: number, call: () => void): () => void;
}

/** setTimeout turns anything longer into 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after that time, or at once when the signal is aborted. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted === true) return Promise.resolve();
  const done = () => {
    cancel();
    signal?.removeEventListener('abort', done);
    resolve();
  };
  const cancel = clock.after(ms, done);
  signal?.addEventListener('abort', done, { once: true });
  return promise;
}
