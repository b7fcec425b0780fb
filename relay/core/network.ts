/** IP addresses and CIDRs: reading, comparing, and which of them mail for the internet may be sent to. */

import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface Cidr {
  /** The first address of the block. */
  readonly network: Address;
  readonly prefixLength: number;
}

/** Four decimal parts or IPv6 only: `0x7f.1` and `2130706433` are host names or mistakes here, never 127.0.0.1. */
function parseAsWritten(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  // A zone (`fe80::1%eth0`) means something on one machine only.
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text);
}

/** An IPv4-mapped IPv6 address is read as the IPv4 address it stands for. */
export function parseAddress(text: string): Address | undefined {
  const address = parseAsWritten(text);
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** 4 or 6 for an address, 0 for anything else, such as a host name. */
export function addressFamilyOf(text: string): 0 | 4 | 6 {
  const address = parseAsWritten(text);
  if (address === undefined) return 0;
  return address.kind() === 'ipv4' ? 4 : 6;
}

/** IPv4 as it is; of IPv6 the /64, which is one customer's smallest share: it could use another address for every connection. */
export function clientKey(address: string): string {
  const parsed = parseAddress(address);
  if (!(parsed instanceof ipaddr.IPv6)) return address;
  const network = parsed.parts.slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** A canonical CIDR: an address, a slash, a prefix length, and no bit set behind it; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const lengthText = text.slice(slash + 1);
  const network = slash < 0 ? undefined : parseAsWritten(text.slice(0, slash));
  if (network === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const bytes = network.toByteArray();
  const prefixLength = Number(lengthText);
  if (prefixLength > bytes.length * 8) return undefined;
  const canonical = bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
    return (byte & (0xff >> bits)) === 0;
  });
  return canonical ? { network, prefixLength } : undefined;
}

/** Whether the address lies in the block; never across families. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  return address.kind() === cidr.network.kind() && address.match(cidr.network, cidr.prefixLength);
}

/**
 * Whether a host of the internet may be reached there. Refused are loopback, link-local, private, unique local,
 * carrier-grade NAT,
 * multicast, broadcast, unspecified, 240.0.0.0/4, IPv4-mapped, discard and tunnel forms: an MX record is a stranger's
 * text, and must
 * not steer mail into the network the relay stands in. Documentation blocks are ordinary unicast to a router and are
 * not refused.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAsWritten(text);
  if (address === undefined) return false;
  if (address instanceof ipaddr.IPv4) return isPublicIPv4(address);
  switch (address.range()) {
    case 'unicast':
    case 'reserved':
      // RFC 4291 §2.4, IANA: global unicast is 2000::/3 alone.
      return (address.parts[0] ?? 0) >> 13 === 1;
    case 'rfc6052':
      // RFC 6052 §2.1: 64:ff9b::/96 carries the IPv4 address that is really meant in its last 32 bits; 64:ff9b:1::/48
      // is for local use.
      return address.parts[2] === 0 && isPublicIPv4(embeddedIPv4(address, 6));
    case '6to4':
      return isPublicIPv4(embeddedIPv4(address, 1));
    default:
      return false;
  }
}

function isPublicIPv4(address: ipaddr.IPv4): boolean {
  const range = address.range();
  return range === 'unicast' || (range === 'reserved' && (address.octets[0] ?? 255) < 240);
}

function embeddedIPv4(address: ipaddr.IPv6, firstPart: number): ipaddr.IPv4 {
  const high = address.parts[firstPart] ?? 0;
  const low = address.parts[firstPart + 1] ?? 0;
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}
