/** Follows all objects of one kind for as long as it runs: whatever breaks, its owner ends up with the server's state. */

import type { ApiFailure, KubeObject, Watch, WatchRequest } from './api.ts';
import { Backoff, type BackoffOptions, WATCH_BACKOFF } from './backoff.ts';
import { pause } from './clock.ts';
import { isFromTheFuture, noAnswer } from './failure.ts';
import type { KubeMetrics, WatchMetrics } from './metrics.ts';
import { readMoment, readPages } from './pages.ts';
import type { Transport } from './transport.ts';
import { type WatchEnd, type WatchNews, watchStream } from './watch-stream.ts';

export interface WatchTiming {
  /** For each page of a list, and for the headers of a watch. */
  readonly answerMs: number;
  /** The server ends a watch after a random time between these, so that watches do not pile up on one API server. */
  readonly shortestSeconds: number;
  readonly longestSeconds: number;
  /** A server sends a bookmark about every minute: after three without, nobody is there. */
  readonly silenceMs: number;
  readonly backoff: BackoffOptions;
}

export const WATCH_TIMING: WatchTiming = {
  answerMs: 30_000,
  shortestSeconds: 300,
  longestSeconds: 600,
  silenceMs: 180_000,
  backoff: WATCH_BACKOFF,
};

/** A watch that ends sooner, and has told nothing, is one that does not work. */
const SHORTEST_WATCH_MS = 1000;

/** Enough to tell a change, and to tell who has gone when a list no longer has it. */
interface Known {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

/**
 * A paged list and then a watch from its moment, rather than a list streamed by the watch itself: that is on by
 * default only from 1.32 on, and pages cost an older server no more. The list asks for the newest state, so time
 * goes back only with the server's: a watch from a moment that it does not know any more would be silent until that
 * moment came again, so the newest one is asked for before a watch goes on.
 */
export function startReflector(
  transport: Transport,
  request: WatchRequest,
  metrics: KubeMetrics | undefined,
  timing: Partial<WatchTiming> = {},
): Watch {
  return new Reflector(transport, request, metrics?.watch(request.type.plural), { ...WATCH_TIMING, ...timing });
}

class Reflector implements Watch {
  readonly synced: Promise<void>;
  readonly ended: Promise<void>;
  readonly #transport: Transport;
  readonly #request: WatchRequest;
  readonly #metrics: WatchMetrics | undefined;
  readonly #timing: WatchTiming;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #known = new Map<string, Known>();
  /** An object was older than it was before. */
  #isOlder = false;
  #isSynced = false;

  constructor(transport: Transport, request: WatchRequest, metrics: WatchMetrics | undefined, timing: WatchTiming) {
    this.#transport = transport;
    this.#request = request;
    this.#metrics = metrics;
    this.#timing = timing;
    this.#backoff = new Backoff(timing.backoff, transport.random);
    const first = Promise.withResolvers<void>();
    this.synced = first.promise;
    const run = this.#run(first.resolve);
    run.catch(first.reject);
    // A promise of its own: that the other one is told of a failure does not make this one handled.
    this.ended = run.then();
  }

  isSynced(): boolean {
    return this.#isSynced;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(onSynced: () => void): Promise<void> {
    const { signal } = this.#stop;
    let version: string | undefined;
    let newest = '';
    while (!signal.aborted) {
      if (version === undefined) {
        const listed = await this.#list();
        if (signal.aborted) return;
        if (!listed.ok) {
          await this.#retryLater(listed);
          continue;
        }
        if (this.#isOlder || isBefore(listed.value, newest)) {
          newest = '';
          this.#tellAnew();
          continue;
        }
        version = listed.value;
        this.#isSynced = true;
        onSynced();
      }
      const seen: string | undefined = await this.#watch(version);
      newest = seen ?? version;
      version = seen !== undefined && (await this.#isStillKnown(seen)) ? seen : undefined;
    }
  }

  /** False: only a list helps. */
  async #isStillKnown(version: string): Promise<boolean> {
    const { signal } = this.#stop;
    const lane = { timeoutMs: this.#timing.answerMs, queued: true };
    while (!signal.aborted) {
      const moment = await readMoment(this.#transport, lane, { ...this.#request, signal });
      if (moment.ok) return !isBefore(moment.value, version);
      if (signal.aborted) return true;
      await this.#retryLater(moment);
      if (!passes(moment)) return false;
    }
    return true;
  }

  /** All of it belongs to a history that never was. */
  #tellAnew(): void {
    this.#isOlder = false;
    for (const [key, known] of this.#known) this.#known.set(key, { ...known, resourceVersion: undefined });
    this.#request.onWentBack?.();
  }

  async #list() {
    this.#metrics?.listed();
    const listed = new Set<string>();
    const answer = await readPages(
      this.#transport,
      { timeoutMs: this.#timing.answerMs, queued: true },
      { ...this.#request, signal: this.#stop.signal },
      (objects) => {
        for (const object of objects) {
          if (this.#stop.signal.aborted) return;
          listed.add(keyOf(object.metadata));
          this.#tell(object);
        }
      },
      () => listed.clear(),
    );
    if (answer.ok && !this.#stop.signal.aborted) {
      for (const [key, known] of this.#known) if (!listed.has(key)) this.#tellGone(this.#shellOf(known));
    }
    return answer;
  }

  /** Answers where the next watch goes on; undefined: only a list helps. */
  async #watch(from: string): Promise<string | undefined> {
    const { clock, random } = this.#transport;
    const { shortestSeconds, longestSeconds, silenceMs, answerMs } = this.#timing;
    const { signal } = this.#stop;
    const started = clock.now();
    const news = watchStream(this.#transport, this.#request, {
      resourceVersion: from,
      timeoutSeconds: Math.round(shortestSeconds + random() * (longestSeconds - shortestSeconds)),
      headersMs: answerMs,
      silenceMs,
      signal,
    });
    let version = from;
    let end: WatchEnd = 'closed';
    for await (const each of news) {
      if (signal.aborted) return version;
      if (each.type === 'end') end = each.end;
      else version = this.#take(each) ?? version;
    }
    const brief = version === from && clock.now() - started < SHORTEST_WATCH_MS;
    if (end === 'closed' && brief) end = noAnswer('the watch was closed at once');
    return (await this.#isResumable(end)) ? version : undefined;
  }

  #take(news: Exclude<WatchNews, { type: 'end' }>): string | undefined {
    if (news.type === 'bookmark') return news.resourceVersion;
    if (news.gone) this.#tellGone(news.object);
    else this.#tell(news.object);
    return news.object.metadata.resourceVersion;
  }

  async #isResumable(end: WatchEnd): Promise<boolean> {
    this.#metrics?.ended(typeof end === 'string' ? end : end.reason);
    if (typeof end === 'string') return true;
    await this.#retryLater(end);
    return passes(end);
  }

  async #retryLater(failure: ApiFailure): Promise<void> {
    const { clock } = this.#transport;
    const wait = Math.max(this.#backoff.next(clock.now()), failure.retryAfterMs ?? 0);
    this.#metrics?.failed(failure.reason);
    this.#request.onTrouble?.(failure, wait);
    await pause(clock, wait, this.#stop.signal);
  }

  #tell(object: KubeObject): void {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const key = keyOf(object.metadata);
    const before = this.#known.get(key);
    if (before !== undefined) {
      if (before.resourceVersion === resourceVersion) return;
      if (isBefore(resourceVersion, before.resourceVersion)) this.#isOlder = true;
      // Deleted and made again while nobody watched.
      if (before.uid !== uid) this.#tellGone(this.#shellOf(before));
    }
    this.#known.set(key, { name, namespace, uid, resourceVersion });
    this.#request.onChange(object, false);
  }

  #tellGone(object: KubeObject): void {
    // What a list has told as gone is not told again by the watch.
    if (this.#known.delete(keyOf(object.metadata))) this.#request.onChange(object, true);
  }

  #shellOf({ name, namespace, uid, resourceVersion }: Known): KubeObject {
    const { apiVersion, kind } = this.#request.type;
    const metadata = {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    return { apiVersion, kind, metadata };
  }
}

/** No answer, too many requests and errors of the server pass; 410, 404, 403 and 400 do not by themselves. */
function passes(failure: ApiFailure): boolean {
  const { status } = failure;
  return !isFromTheFuture(failure) && (status === undefined || status === 429 || status >= 500);
}

/** False where either is not known. */
function isBefore(one: string | undefined, other: string | undefined): boolean {
  return Number(one || Number.NaN) < Number(other || Number.NaN);
}

function keyOf({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace ?? ''}/${name}`;
}
