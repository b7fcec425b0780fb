/** Reads the API server's Status objects, so that every refusal has a reason and a sentence. */

import type { ApiFailure } from './api.ts';

interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

interface Status {
  readonly kind: 'Status';
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly StatusCause[];
  };
}

/** The server's words for what it did not explain itself. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** A proxy's HTML page says nothing after this. */
const LONGEST_FOREIGN_TEXT = 200;

export function noAnswer(message: string): ApiFailure {
  return { ok: false, status: undefined, reason: 'NoAnswer', message };
}

/** `body` as it came; `retryAfter` is the header. */
export function failureOf(status: number, body: string, retryAfter: string | null): ApiFailure {
  const parsed = parseStatus(body);
  const failure =
    parsed === undefined
      ? { ok: false as const, status, reason: reasonOf(status), message: foreignText(status, body) }
      : failureOfStatus(parsed, status);
  const retryAfterMs = secondsHeader(retryAfter) ?? failure.retryAfterMs;
  return retryAfterMs === undefined ? failure : { ...failure, retryAfterMs };
}

/** The object of a watch's ERROR event. */
export function failureOfEvent(object: unknown): ApiFailure {
  if (!isStatus(object)) return { ok: false, status: 500, reason: 'InternalError', message: 'the watch failed' };
  return failureOfStatus(object, 500);
}

/** The server has never heard of this resourceVersion: it was restored from a backup. Only a list helps. */
export function isFromTheFuture({ status, message }: ApiFailure): boolean {
  return status === 504 && message.includes('Too large resource version');
}

function failureOfStatus(status: Status, otherwise: number): ApiFailure {
  const code = status.code ?? otherwise;
  const seconds = status.details?.retryAfterSeconds;
  return {
    ok: false,
    status: code,
    reason: status.reason ?? reasonOf(code),
    message: conflicts(status) ?? status.message ?? `the API server answered ${code}`,
    ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
  };
}

/** A field conflict of server-side apply, a clause for each owner. */
function conflicts({ details }: Status): string | undefined {
  const owners = new Map<string, string[]>();
  for (const cause of details?.causes ?? []) {
    if (cause.reason !== 'FieldManagerConflict') continue;
    const owner = (cause.message ?? '').replace(/^conflicts? with /, '') || 'another field manager';
    const fields = owners.get(owner) ?? [];
    fields.push(cause.field ?? 'a field');
    owners.set(owner, fields);
  }
  if (owners.size === 0) return undefined;
  const held = [...owners].map(
    ([owner, fields]) => `${fields.join(', ')} ${fields.length > 1 ? 'are' : 'is'} held by ${owner}`,
  );
  return held.join('; ');
}

function parseStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isStatus(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isStatus(object: unknown): object is Status {
  return typeof object === 'object' && object !== null && 'kind' in object && object.kind === 'Status';
}

function reasonOf(status: number): string {
  return REASONS[status] ?? 'Unknown';
}

function foreignText(status: number, body: string): string {
  const text = body.trim().slice(0, LONGEST_FOREIGN_TEXT);
  return text === '' ? `the API server answered ${status}` : `the API server answered ${status}: ${text}`;
}

function secondsHeader(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : undefined;
}
