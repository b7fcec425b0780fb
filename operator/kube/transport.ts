/** One call to the API server: bounded in time, repeated when the server asks for that, counted; failures are values. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { fetch, type Response } from 'undici';
import type { ApiAnswer } from './api.ts';
import { type Clock, pause } from './clock.ts';
import type { Connection } from './connection.ts';
import { failureOf, noAnswer } from './failure.ts';
import { Gate } from './gate.ts';
import type { RequestMetrics } from './metrics.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** Played twice it has the same effect as once, and the same answer: repeated when the connection breaks. */
  readonly repeatable?: boolean;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

export interface Lane {
  readonly timeoutMs: number;
  /** Waits for its turn among few. What must not wait behind slow calls, a lease's renewal, does not. */
  readonly queued: boolean;
}

export interface TransportOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly userAgent: string;
  readonly metrics: RequestMetrics | undefined;
}

/** Above this the operator asks for more at once than a fair share of a small API server. Each is a connection. */
const CALLS_AT_ONCE = 10;
const REPEATS = 3;

export class Transport {
  readonly #options: TransportOptions;
  readonly #gate = new Gate(CALLS_AT_ONCE);
  readonly #host: string;
  readonly clock: Clock;
  readonly random: () => number;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#host = new URL(options.connection.server).host;
    this.clock = options.clock;
    this.random = options.random;
  }

  /** The answer's JSON. */
  async json(call: Call, lane: Lane): Promise<ApiAnswer<unknown>> {
    let broken = false;
    for (let repeats = 0; ; repeats++) {
      const send = () => this.#once(call, lane.timeoutMs);
      const answer = lane.queued ? await this.#gate.pass(send) : await send();
      if (answer.ok || repeats === REPEATS || call.signal?.aborted === true) return answer;
      if (answer.status === undefined) {
        // An idle connection that the server closes just when it is used again: the next one is fresh.
        if (broken || call.repeatable !== true || answer.reason !== 'NoAnswer') return answer;
        broken = true;
        continue;
      }
      // A server that wants longer than an answer may take is for the caller, who knows what can wait.
      const { retryAfterMs } = answer;
      if (retryAfterMs === undefined || retryAfterMs > lane.timeoutMs || !isBusy(answer.status)) return answer;
      // Everybody else was told the same number.
      await pause(this.clock, retryAfterMs * (1 + this.random() / 4), call.signal);
    }
  }

  /** An answer that has no end yet: its signal ends it. The time-out is for its headers. */
  async open(call: Call & { readonly signal: AbortSignal }, headersMs: number): Promise<ApiAnswer<Response>> {
    const late = new AbortController();
    const cancel = this.clock.after(headersMs, () => late.abort(new Error(`no answer within ${headersMs} ms`)));
    try {
      const response = await this.#send(call, AbortSignal.any([call.signal, late.signal]));
      if (response.ok) return { ok: true, value: response };
      return failureOf(response.status, await response.text(), response.headers.get('retry-after'));
    } catch (error) {
      return noAnswer(describe(error));
    } finally {
      cancel();
    }
  }

  async #once(call: Call, timeoutMs: number): Promise<ApiAnswer<unknown>> {
    try {
      const late = AbortSignal.timeout(timeoutMs);
      const signal = call.signal === undefined ? late : AbortSignal.any([late, call.signal]);
      const response = await this.#send(call, signal);
      const body = await response.text();
      // undici has a connection back only now: a call that follows at once would open another.
      await nextTurn();
      if (!response.ok) return failureOf(response.status, body, response.headers.get('retry-after'));
      return parsed(body);
    } catch (error) {
      return isTimeout(error)
        ? { ok: false, status: undefined, reason: 'Timeout', message: `no answer within ${timeoutMs} ms` }
        : noAnswer(describe(error));
    }
  }

  async #send(call: Call, signal: AbortSignal): Promise<Response> {
    const { connection, userAgent, metrics } = this.#options;
    const started = this.clock.now();
    let code = '<error>';
    try {
      // A credential plugin that hangs is no reason to.
      const { headers, dispatcher } = await orAborted(connection.credentials(), signal);
      const response = await fetch(`${connection.server}${call.path}${queryOf(call)}`, {
        method: call.method,
        headers: {
          ...headers,
          accept: call.accept ?? 'application/json',
          'user-agent': userAgent,
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        dispatcher,
        signal,
        // Credentials are not taken elsewhere.
        redirect: 'error',
      });
      code = String(response.status);
      return response;
    } finally {
      metrics?.request({ method: call.method, host: this.#host, code, seconds: (this.clock.now() - started) / 1000 });
    }
  }
}

/** The parser's own words repeat some of what it was given, which may be a Secret. */
function parsed(body: string): ApiAnswer<unknown> {
  try {
    return { ok: true, value: JSON.parse(body) as unknown };
  } catch {
    return noAnswer('what the API server answered is no JSON');
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function queryOf({ query }: Call): string {
  const set = Object.entries(query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return set.length === 0 ? '' : `?${new URLSearchParams(set)}`;
}

function isBusy(status: number): boolean {
  return status === 429 || status === 503;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** fetch says `fetch failed`; what happened is in its cause, and with two addresses in the causes of that. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  const causes = [...new Set(inner.map(describe))].join('; ');
  if (causes === '') return error.message || error.name;
  return error.message === '' ? causes : `${error.message}: ${causes}`;
}
