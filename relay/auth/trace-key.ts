/** The fleet's keys of trace fields: HMAC-SHA-256 by the first of them, believed by all of them. */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Credentials, RelayConfig } from '../core/config.ts';
import type { TraceKeys } from '../core/trace.ts';

/** Eight hexadecimal digits tell a handful of keys apart. */
const ID_DIGITS = 8;

/** undefined: the fleet has no key that can be read, so nothing is counted. */
export function createTraceKeys(
  { traceKeys = [] }: Pick<RelayConfig['fleet'], 'traceKeys'>,
  credentials: Credentials,
): TraceKeys | undefined {
  const keys = new Map<string, KeyObject>();
  for (const id of traceKeys) {
    const text = credentials.get(id);
    if (text === undefined || text === '') continue;
    const key = createSecretKey(text, 'utf8');
    keys.set(hmac(key, 'isthmus key id').toString('hex').slice(0, ID_DIGITS), key);
  }
  const [first] = keys;
  if (first === undefined) return undefined;
  const [signingId, signingKey] = first;
  return {
    ids: new Set(keys.keys()),
    sign: (text) => ({ keyId: signingId, mac: hmac(signingKey, text).toString('base64url') }),
    verify: (keyId, text, mac) => {
      const key = keys.get(keyId);
      const given = Buffer.from(mac, 'base64url');
      if (key === undefined) return false;
      const wanted = hmac(key, text);
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}

function hmac(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
