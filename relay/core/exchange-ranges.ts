/** The addresses Exchange Online says it sends from: dated data that adds confidence and never refuses. */

import { cidrContains, parseAddress, parseCidr } from './network.ts';

/** When the table below was last compared with what is published. */
export const EXCHANGE_RANGES_DATE = '2026-11-22';

/**
 * Endpoint set 10 of the worldwide endpoints, port 25. Not in it, and right nevertheless: bounces, which leave by a pool
 * of their own, forwarded mail (40.95.0.0/16), and the national clouds.
 */
export const EXCHANGE_RANGES: readonly string[] = [
  '40.92.0.0/15',
  '40.107.0.0/16',
  '52.100.0.0/14',
  '104.47.0.0/17',
  '2a01:111:f400::/48',
  '2a01:111:f403::/48',
];

const cidrs = EXCHANGE_RANGES.map((text) => {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`${text} in the table of Exchange Online's addresses is no canonical CIDR`);
  return cidr;
});

export function isPublishedExchangeAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address));
}
