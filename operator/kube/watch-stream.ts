/** One watch connection, from its request to its end, as a sequence of news; never throws for what a server or network does. */

import type { ApiFailure, KubeObject } from './api.ts';
import { failureOfEvent, noAnswer } from './failure.ts';
import { acceptOf, type ListRequest, named, selectorsOf } from './pages.ts';
import { collectionPath } from './path.ts';
import { describe, type Transport } from './transport.ts';

export type WatchNews =
  | { readonly type: 'object'; readonly object: KubeObject; readonly gone: boolean }
  | { readonly type: 'bookmark'; readonly resourceVersion: string | undefined }
  /** The last news, always. */
  | { readonly type: 'end'; readonly end: WatchEnd };

/** `closed`: the server had said it would. `silent`: neither object nor bookmark for too long. */
export type WatchEnd = 'closed' | 'silent' | ApiFailure;

export interface WatchStreamOptions {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  readonly headersMs: number;
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

export async function* watchStream(
  transport: Transport,
  request: ListRequest,
  options: WatchStreamOptions,
): AsyncGenerator<WatchNews, void, undefined> {
  const silence = new AbortController();
  const call = {
    method: 'GET',
    path: collectionPath(request.type, request.namespace),
    query: {
      ...selectorsOf(request),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    },
    accept: acceptOf(request, 'watch'),
    signal: AbortSignal.any([options.signal, silence.signal]),
  } as const;
  const answer = await transport.open(call, options.headersMs);
  if (!answer.ok) {
    yield { type: 'end', end: answer };
    return;
  }
  const chunks = answer.value.body?.[Symbol.asyncIterator]();
  const lines = new LineCutter();
  try {
    for (;;) {
      const cancel = transport.clock.after(options.silenceMs, () => silence.abort());
      const chunk = await nextChunk(chunks, silence.signal).finally(cancel);
      if (chunk === undefined || typeof chunk === 'string' || 'ok' in chunk) {
        const end = chunk ?? (lines.isEmpty() ? 'closed' : noAnswer('the watch ended in the middle of a line'));
        yield { type: 'end', end };
        return;
      }
      for (const line of lines.cut(chunk)) {
        const news = readLine(request, line);
        yield news;
        if (news.type === 'end') return;
      }
    }
  } finally {
    // The server is told at once, however we leave; the connection is of no more use.
    silence.abort();
  }
}

type Chunks = AsyncIterator<Uint8Array> | undefined;

async function nextChunk(chunks: Chunks, silence: AbortSignal): Promise<Uint8Array | WatchEnd | undefined> {
  try {
    const next = await chunks?.next();
    return next === undefined || next.done === true ? undefined : next.value;
  } catch (error) {
    return silence.aborted ? 'silent' : noAnswer(describe(error));
  }
}

function readLine(request: ListRequest, line: string): WatchNews {
  const event = parseEvent(line);
  if (event === undefined) return { type: 'end', end: noAnswer('a line of the watch is no event') };
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: 'object', object: named(request.type, event.object), gone: event.type === 'DELETED' };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: event.object.metadata.resourceVersion };
    case 'ERROR':
      return { type: 'end', end: failureOfEvent(event.object) };
    default:
      return { type: 'end', end: noAnswer(`the watch said ${JSON.stringify(event.type)}`) };
  }
}

function parseEvent(line: string): WatchEvent | undefined {
  try {
    const event = JSON.parse(line) as Partial<WatchEvent> | null;
    const { type, object } = event ?? {};
    if (type === undefined || object === undefined) return undefined;
    return type === 'ERROR' || typeof object.metadata === 'object' ? { type, object } : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes in, whole lines out. */
class LineCutter {
  readonly #decoder = new TextDecoder();
  #rest = '';

  isEmpty(): boolean {
    return this.#rest === '';
  }

  cut(chunk: Uint8Array): string[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    // A line of a megabyte comes in 60 chunks: only the new one is searched.
    if (!text.includes('\n')) {
      this.#rest += text;
      return [];
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line !== '');
  }
}
