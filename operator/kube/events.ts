/**
 * Tells people what happened, beside the object it happened to: `record` returns at once and never throws.
 *
 * Core v1 events: `kubectl describe`, `kubectl get events` and `kubectl events` all read these, and sum up by count
 * and lastTimestamp, which events.k8s.io/v1 lets nobody write. The server shows them through that API as well.
 */

import type { Api, ApiFailure, KubeObject, ResourceType } from './api.ts';
import { type Clock, pause, systemClock } from './clock.ts';
import { EventCorrelation, type EventNews, type ToldEvent } from './event-correlation.ts';

export const EVENT: ResourceType = { apiVersion: 'v1', kind: 'Event', plural: 'events' };

export interface EventRecorder {
  record(news: EventNews): void;
  /** What has been recorded is sent, once; then nothing is any more. */
  stop(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly api: Pick<Api, 'create' | 'merge'>;
  /** Who says so: `isthmus`. */
  readonly component: string;
  /** The pod. */
  readonly instance: string;
  /** An event that nobody will see. */
  readonly onTrouble?: (failure: ApiFailure, news: EventNews) => void;
  readonly clock?: Clock;
}

/** While the API server is away; the oldest go first, their objects' status says the same. */
const WAITING_AT_MOST = 1000;
/** client-go's: two minutes. */
const ATTEMPTS = 12;
const BETWEEN_ATTEMPTS_MS = 10_000;
const LONGEST_NAME = 253;

interface Waiting {
  readonly news: EventNews;
  readonly note: string;
  readonly told: ToldEvent;
  readonly wallMs: number;
}

export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #correlation = new EventCorrelation();
  /** One that is told again before it was sent is sent once. */
  readonly #waiting = new Map<ToldEvent, Waiting>();
  readonly #stopping = new AbortController();
  #sending: Promise<void> | undefined;
  #number = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  record(news: EventNews): void {
    if (this.#stopping.signal.aborted) return;
    const wallMs = this.#clock.wall();
    const correlated = this.#correlation.take(news, this.#clock.now(), wallMs);
    if (correlated === 'dropped') return;
    this.#waiting.set(correlated.told, { news, wallMs, ...correlated });
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > WAITING_AT_MOST && oldest !== undefined) this.#waiting.delete(oldest);
    this.#sending ??= this.#sendAll();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    // After the caller is done: the first call to the server is not on its time.
    await Promise.resolve();
    // Also what is added meanwhile: a map's iteration goes on to the end that it then has.
    for (const [told, waiting] of this.#waiting) {
      this.#waiting.delete(told);
      await this.#deliver(waiting);
    }
    this.#sending = undefined;
  }

  async #deliver(waiting: Waiting): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#send(waiting);
      if (failure === undefined) return;
      const { signal } = this.#stopping;
      // What the server refuses it refuses again.
      const isRefused = failure.status !== undefined && failure.status < 500 && failure.status !== 429;
      if (isRefused || attempt === ATTEMPTS || signal.aborted) {
        this.#options.onTrouble?.(failure, waiting.news);
        return;
      }
      await pause(this.#clock, BETWEEN_ATTEMPTS_MS, signal);
    }
  }

  async #send({ news, note, told, wallMs }: Waiting): Promise<ApiFailure | undefined> {
    const namespace = news.about.namespace ?? 'default';
    const changing = { message: note, count: told.count, lastTimestamp: seconds(wallMs) };
    if (told.name !== undefined) {
      const counted = await this.#options.api.merge(EVENT, namespace, told.name, changing);
      if (counted.ok) return undefined;
      // Events live for an hour: this one begins again.
      if (counted.status !== 404) return counted;
      told.name = undefined;
    }
    const name = this.#nameFor(news.about.name, wallMs);
    const created = await this.#options.api.create(EVENT, {
      apiVersion: EVENT.apiVersion,
      kind: EVENT.kind,
      metadata: { name, namespace },
      involvedObject: news.about,
      type: news.type,
      reason: news.reason,
      ...changing,
      firstTimestamp: seconds(told.firstWallMs),
      source: { component: this.#options.component },
      reportingComponent: this.#options.component,
      reportingInstance: this.#options.instance,
    } satisfies KubeObject);
    if (!created.ok) return created;
    told.name = name;
    return undefined;
  }

  /** The object's name first, so that a list sorted by name is readable. */
  #nameFor(object: string, wallMs: number): string {
    const unique = `${wallMs.toString(16)}${(this.#number++ % 0x10000).toString(16).padStart(4, '0')}`;
    return `${object.slice(0, LONGEST_NAME - unique.length - 1)}.${unique}`;
  }
}

/** Event times in v1 have whole seconds. */
function seconds(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
