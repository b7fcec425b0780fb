/**
 * Reads the line by which a load balancer says whose connection it passes on: PROXY protocol, version 1 (HAProxy's
 * proxy-protocol.txt §2.1).
 */

import { addressFamilyOf } from '../core/network.ts';
import type { Endpoints } from './client.ts';

export type ProxyHeader =
  /** As far as it came it may become one. */
  | { readonly kind: 'incomplete' }
  /** Whatever this is, it is no header. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed' }
  /** The binary form. */
  | { readonly kind: 'version2' }
  /** `octets` long; UNKNOWN names nobody. */
  | { readonly kind: 'complete'; readonly octets: number; readonly named: Endpoints | undefined };

/** With the line end: what the specification says is enough for the longest UNKNOWN line with two IPv6 addresses. */
const OCTETS = 107;
const BEGINNING = Buffer.from('PROXY ');
const VERSION_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const CR = 13;
const LF = 10;
const UNKNOWN = /^PROXY UNKNOWN(?: |$)/;
const TCP = /^PROXY TCP([46]) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;
const MALFORMED = { kind: 'malformed' } as const;

/** `bytes`: everything that has come so far. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (!begins(bytes, BEGINNING)) {
    if (!begins(bytes, VERSION_2)) return { kind: 'absent' };
    return { kind: bytes.length < VERSION_2.length ? 'incomplete' : 'version2' };
  }
  const end = bytes.subarray(0, OCTETS).indexOf(LF);
  if (end < 0) return bytes.length < OCTETS ? { kind: 'incomplete' } : MALFORMED;
  if (bytes[end - 1] !== CR) return MALFORMED;
  const line = bytes.toString('latin1', 0, end - 1);
  if (UNKNOWN.test(line)) return { kind: 'complete', octets: end + 1, named: undefined };
  const named = parseTcp(line);
  return named === undefined ? MALFORMED : { kind: 'complete', octets: end + 1, named };
}

function parseTcp(line: string): Endpoints | undefined {
  const match = TCP.exec(line);
  if (match === null) return undefined;
  const [, family, address = '', localAddress = '', portText, localPortText] = match;
  const [port, localPort] = [Number(portText), Number(localPortText)];
  const isRight = (text: string) => addressFamilyOf(text) === Number(family);
  if (!isRight(address) || !isRight(localAddress) || port > 0xffff || localPort > 0xffff) return undefined;
  return { address, port, localAddress, localPort };
}

/** Whether `bytes` may be the beginning of, or begin with, `expected`. */
function begins(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, length, 0, length) === 0;
}
