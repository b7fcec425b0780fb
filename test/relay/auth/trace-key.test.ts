/** Keys of trace fields: the first signs, all are believed, and no key means no counting. */

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { createTraceKeys } from '../../../relay/auth/trace-key.ts';

const CREDENTIALS = new Map([
  ['now', 'the key that signs now'],
  ['before', 'the key before it'],
  ['empty', ''],
]);

function keys(...traceKeys: string[]) {
  return createTraceKeys({ traceKeys }, CREDENTIALS);
}

test('the HMAC is SHA-256 in base64url, by the octets of the key', () => {
  const wanted = createHmac('sha256', 'the key that signs now').update('a text').digest('base64url');
  expect(keys('now', 'before')?.sign('a text').mac).toBe(wanted);
});

test('both keys are believed, by their own names only', () => {
  const both = keys('now', 'before');
  const old = keys('before')?.sign('a text');
  const fresh = both?.sign('a text');
  if (both === undefined || old === undefined || fresh === undefined) throw new Error('keys are there');
  expect(both.ids).toEqual(new Set([old.keyId, fresh.keyId]));
  expect(both.verify(old.keyId, 'a text', old.mac)).toBe(true);
  expect(both.verify(fresh.keyId, 'a text', fresh.mac)).toBe(true);
  expect(both.verify(fresh.keyId, 'a text', old.mac)).toBe(false);
  expect(both.verify(fresh.keyId, 'another text', fresh.mac)).toBe(false);
  expect(both.verify(fresh.keyId, 'a text', fresh.mac.slice(0, 20))).toBe(false);
  expect(keys('now')?.verify(old.keyId, 'a text', old.mac)).toBe(false);
});

test('the name of a key shows nothing of it', () => {
  const id = keys('now')?.sign('').keyId ?? '';
  expect(id).toMatch(/^[0-9a-f]{8}$/);
  expect(Buffer.from('the key that signs now').toString('hex')).not.toContain(id);
});

test.each([
  ['none is named', []],
  ['the one that is named is not there', ['absent']],
  ['it is empty', ['empty']],
])('without a key nothing is counted: %s', (_why, ids) => {
  expect(keys(...ids)).toBeUndefined();
  expect(createTraceKeys({}, CREDENTIALS)).toBeUndefined();
});
