/** Next hops that refuse this relay's IPv6 address and may well take its mail over IPv4 (mail-flow §7). */

import { addressFamilyOf } from '../core/network.ts';
import type { Reply } from '../core/reply.ts';

/** No reverse DNS, no authentication for IPv6, and what Exchange Online says of an address it will not have at all. */
const OF_IPV6: ReadonlySet<string> = new Set(['4.7.25', '5.7.25', '5.7.26', '5.2.1']);

export function isIPv6(address: string): boolean {
  return addressFamilyOf(address) === 6;
}

export function blamesIPv6(address: string, answer: Reply | undefined): boolean {
  return answer?.enhancedStatus !== undefined && OF_IPV6.has(answer.enhancedStatus) && isIPv6(address);
}
