/** IP addresses and networks as texts, read as strictly as Go's netip does, whose verdict is the API server's. */

/** Bytes of the address, 4 or 16; undefined when the text is not one. Zones and IPv4-mapped addresses are refused. */
export function parseIp(text: string): number[] | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  // A leading zero is octal to some programs and decimal to others.
  if (!parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
}

/** The groups of one side of "::", the last of which may be written as IPv4. */
function parseGroups(text: string, ipv4Allowed: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (ipv4Allowed && index === groups.length - 1 && group.includes('.')) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function parseIpv6(text: string): number[] | undefined {
  const sides = text.split('::');
  if (sides.length > 2) return undefined;
  const [head = '', tail] = sides;
  const before = parseGroups(head, tail === undefined);
  const after = parseGroups(tail ?? '', true);
  if (before === undefined || after === undefined) return undefined;
  const missing = 16 - before.length - after.length;
  // "::" stands for at least one group of zeros.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  const bytes = [...before, ...new Array<number>(missing).fill(0), ...after];
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? undefined : bytes;
}

/** Canonical text: RFC 5952 for IPv6. */
export function formatIp(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let [start, length] = [0, 1];
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && groups[to] === 0) to++;
    // RFC 5952 §4.2.2 and §4.2.3: never for one group alone; the first of equally long runs.
    if (to - from > length) [start, length] = [from, to - from];
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (length === 1) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

export class Cidr {
  readonly address: readonly number[];
  readonly prefixLength: number;

  constructor(address: readonly number[], prefixLength: number) {
    this.address = address;
    this.prefixLength = prefixLength;
  }

  static parse(text: string): Cidr | undefined {
    const slash = text.lastIndexOf('/');
    const address = slash < 0 ? undefined : parseIp(text.slice(0, slash));
    const length = text.slice(slash + 1);
    if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
    return Number(length) <= address.length * 8 ? new Cidr(address, Number(length)) : undefined;
  }

  /** The same network with its host bits zero. */
  masked(): Cidr {
    const bytes = this.address.map((byte, index) => {
      const kept = Math.min(8, Math.max(0, this.prefixLength - index * 8));
      return byte & (0xff00 >> kept) & 0xff;
    });
    return new Cidr(bytes, this.prefixLength);
  }

  toString(): string {
    return `${formatIp(this.address)}/${this.prefixLength}`;
  }
}
