/** Work by key: never two workers on one key, never a change forgotten, and what fails is tried again later. */

import { type Clock, systemClock } from './clock.ts';
import type { KubeMetrics, QueueMetrics, ReconcileResult } from './metrics.ts';
import { RateLimit } from './rate-limit.ts';

/** `again`: soon, and later each time. Otherwise the key's failures are forgotten. */
export type Worked = 'done' | 'again' | { readonly afterMs: number };

export interface QueueOptions {
  /** Names it in metrics. */
  readonly name: string;
  /** What it throws is counted, told, and tried again. */
  readonly worker: (key: string) => Promise<Worked>;
  readonly onError: (key: string, error: unknown, retryInMs: number) => void;
  readonly concurrency?: number;
  readonly gather?: Gather;
  readonly clock?: Clock;
  readonly metrics?: KubeMetrics;
}

/** A key that is added waits until it has not been added for `quietMs`, but no longer than `longestMs`. */
export interface Gather {
  readonly quietMs: number;
  readonly longestMs: number;
}

export interface WorkQueue {
  /** The key is worked on after the gathering time; once more when it is being worked on by then. */
  add(key: string): void;
  /** Without gathering. Of several times the earliest counts. */
  addAfter(key: string, ms: number): void;
  /** Later each time until `forget`. */
  addRateLimited(key: string): void;
  forget(key: string): void;
  /** Keys gather before; nothing is worked on. */
  start(): void;
  /** No work begins any more; resolves when what runs is done. */
  stop(): Promise<void>;
}

/** One `kubectl apply` of a folder is one change. */
export const GATHER: Gather = { quietMs: 100, longestMs: 1000 };

export function workQueue(options: QueueOptions): WorkQueue {
  return new Queue(options);
}

interface Gathering {
  readonly since: number;
  due: number;
  cancel: () => void;
}

interface Delayed {
  readonly due: number;
  readonly cancel: () => void;
}

class Queue implements WorkQueue {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #gather: Gather;
  readonly #concurrency: number;
  readonly #metrics: QueueMetrics | undefined;
  readonly #limit = new RateLimit();
  readonly #gathering = new Map<string, Gathering>();
  readonly #delayed = new Map<string, Delayed>();
  /** Since when. */
  readonly #ready = new Map<string, number>();
  readonly #running = new Map<string, number>();
  /** Ready again while running. */
  readonly #dirty = new Set<string>();
  readonly #idle = Promise.withResolvers<void>();
  #state: 'waiting' | 'started' | 'stopped' = 'waiting';

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#gather = options.gather ?? GATHER;
    this.#concurrency = options.concurrency ?? 1;
    this.#metrics = options.metrics?.queue(options.name);
    this.#metrics?.from(() => ({
      depth: this.#ready.size,
      concurrency: this.#concurrency,
      runningSeconds: [...this.#running.values()].map((since) => this.#secondsSince(since)),
    }));
  }

  add(key: string): void {
    if (this.#state === 'stopped' || this.#ready.has(key)) return;
    const { quietMs, longestMs } = this.#gather;
    const now = this.#clock.now();
    const gathering = this.#gathering.get(key);
    if (gathering !== undefined) {
      // The timer that runs looks again when it ends: a burst of a thousand changes costs no timers.
      gathering.due = Math.min(now + quietMs, gathering.since + longestMs);
      return;
    }
    const due = now + Math.min(quietMs, longestMs);
    if (due <= now) this.#makeReady(key);
    else this.#gathering.set(key, { since: now, due, cancel: this.#clock.after(due - now, () => this.#gathered(key)) });
  }

  addAfter(key: string, ms: number): void {
    if (this.#state === 'stopped') return;
    if (ms <= 0) {
      this.#makeReady(key);
      return;
    }
    const due = this.#clock.now() + ms;
    const before = this.#delayed.get(key);
    if (before !== undefined && before.due <= due) return;
    before?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.#makeReady(key);
    });
    this.#delayed.set(key, { due, cancel });
  }

  addRateLimited(key: string): void {
    this.#retry(key);
  }

  forget(key: string): void {
    this.#limit.forget(key);
  }

  start(): void {
    if (this.#state === 'waiting') this.#state = 'started';
    this.#pump();
  }

  stop(): Promise<void> {
    this.#state = 'stopped';
    for (const { cancel } of [...this.#gathering.values(), ...this.#delayed.values()]) cancel();
    for (const waiting of [this.#gathering, this.#delayed, this.#ready, this.#dirty]) waiting.clear();
    if (this.#running.size === 0) this.#idle.resolve();
    return this.#idle.promise;
  }

  #gathered(key: string): void {
    const gathering = this.#gathering.get(key);
    if (gathering === undefined) return;
    const left = gathering.due - this.#clock.now();
    if (left > 0) {
      gathering.cancel = this.#clock.after(left, () => this.#gathered(key));
      return;
    }
    this.#gathering.delete(key);
    this.#makeReady(key);
  }

  #makeReady(key: string): void {
    if (this.#running.has(key)) {
      if (!this.#dirty.has(key)) this.#metrics?.added();
      this.#dirty.add(key);
    } else if (!this.#ready.has(key)) {
      this.#metrics?.added();
      this.#ready.set(key, this.#clock.now());
      this.#pump();
    }
  }

  #pump(): void {
    while (this.#state === 'started' && this.#running.size < this.#concurrency) {
      const [next] = this.#ready;
      if (next === undefined) return;
      const [key, since] = next;
      this.#ready.delete(key);
      this.#running.set(key, this.#clock.now());
      this.#metrics?.started(this.#secondsSince(since));
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    const started = this.#clock.now();
    const result = await this.#outcome(key);
    this.#metrics?.finished(result, this.#secondsSince(started));
    this.#running.delete(key);
    if (this.#dirty.delete(key)) this.#ready.set(key, this.#clock.now());
    if (this.#state === 'stopped' && this.#running.size === 0) this.#idle.resolve();
    this.#pump();
  }

  async #outcome(key: string): Promise<ReconcileResult> {
    let worked: Worked;
    try {
      worked = await this.#options.worker(key);
    } catch (error) {
      this.#options.onError(key, error, this.#retry(key));
      return 'error';
    }
    if (worked === 'again') {
      this.#retry(key);
      return 'requeue';
    }
    this.#limit.forget(key);
    if (worked === 'done') return 'success';
    this.addAfter(key, worked.afterMs);
    return 'requeue_after';
  }

  #retry(key: string): number {
    const wait = this.#limit.next(key, this.#clock.now());
    this.#metrics?.retried();
    this.addAfter(key, wait);
    return wait;
  }

  #secondsSince(time: number): number {
    return (this.#clock.now() - time) / 1000;
  }
}
