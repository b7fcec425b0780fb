/** What the API server's refusals become. */

import { expect, test } from 'vitest';
import { failureOf, failureOfEvent, isFromTheFuture } from '../../../operator/kube/failure.ts';

const status = (fields: object) => JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', ...fields });
const conflict = (manager: string, field: string) => ({
  reason: 'FieldManagerConflict',
  message: `conflict with ${manager}`,
  field,
});

const CASES = [
  {
    name: 'a Status keeps its words',
    given: [403, status({ code: 403, reason: 'Forbidden', message: 'secrets is forbidden' }), null],
    becomes: { status: 403, reason: 'Forbidden', message: 'secrets is forbidden' },
  },
  {
    name: 'a gateway that has no Status gets the name that Kubernetes has for its code',
    given: [503, 'upstream connect error', null],
    becomes: {
      status: 503,
      reason: 'ServiceUnavailable',
      message: 'the API server answered 503: upstream connect error',
    },
  },
  {
    name: 'a page of HTML is cut',
    given: [502, `<html>${'x'.repeat(5000)}`, null],
    becomes: { status: 502, reason: 'Unknown', message: `the API server answered 502: <html>${'x'.repeat(194)}` },
  },
  {
    name: 'JSON that is no Status is text',
    given: [404, '{"kind":"Pod"}', null],
    becomes: { status: 404, reason: 'NotFound', message: 'the API server answered 404: {"kind":"Pod"}' },
  },
  {
    name: 'nothing at all is said so',
    given: [500, ' ', null],
    becomes: { status: 500, reason: 'InternalError', message: 'the API server answered 500' },
  },
  {
    name: 'the time in the header beats that in the body',
    given: [
      429,
      status({ code: 429, reason: 'TooManyRequests', message: 'm', details: { retryAfterSeconds: 9 } }),
      '2',
    ],
    becomes: { status: 429, reason: 'TooManyRequests', message: 'm', retryAfterMs: 2000 },
  },
  {
    name: 'a date in the header is left to the body',
    given: [
      429,
      status({ code: 429, reason: 'TooManyRequests', message: 'm', details: { retryAfterSeconds: 9 } }),
      'Fri, 31 Dec 2027 23:59:59 GMT',
    ],
    becomes: { status: 429, reason: 'TooManyRequests', message: 'm', retryAfterMs: 9000 },
  },
  {
    name: 'field conflicts are told by owner',
    given: [
      409,
      status({
        code: 409,
        reason: 'Conflict',
        message: 'Apply failed with 3 conflicts: …',
        details: {
          causes: [
            conflict('"argocd" using apps/v1', '.spec.replicas'),
            conflict('"hpa"', '.spec.paused'),
            conflict('"argocd" using apps/v1', '.spec.template'),
          ],
        },
      }),
      null,
    ],
    becomes: {
      status: 409,
      reason: 'Conflict',
      message: '.spec.replicas, .spec.template are held by "argocd" using apps/v1; .spec.paused is held by "hpa"',
    },
  },
] as const;

test.each(CASES)('$name', ({ given: [code, body, retryAfter], becomes }) => {
  expect(failureOf(code, body, retryAfter)).toEqual({ ok: false, ...becomes });
});

test('an ERROR event is a failure as well, also one without words', () => {
  const gone = JSON.parse(status({ code: 410, reason: 'Expired', message: 'too old resource version: 1 (2)' }));
  expect(failureOfEvent(gone)).toMatchObject({ status: 410, reason: 'Expired' });
  expect(failureOfEvent({})).toMatchObject({ status: 500, reason: 'InternalError' });
});

test('a version that the server has not reached is told from a slow server', () => {
  const future = 'Too large resource version: 900, current: 7';
  const body = (message: string) => status({ code: 504, reason: 'Timeout', message });
  expect(isFromTheFuture(failureOf(504, body(future), null))).toBe(true);
  expect(isFromTheFuture(failureOf(504, body('request timed out'), null))).toBe(false);
});
