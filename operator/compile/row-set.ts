/** Written rows read within their bounds, and the rows of a rule, of which the first that claims an address keeps it. */

import type { Direction } from '../../relay/core/config.ts';
import { keyOfAddress } from './mailbox-text.ts';
import { shown } from './order.ts';
import type { RejectedRow } from './rejected-rows.ts';
import { type Claimant, keyInside, keyOutside } from './row-claims.ts';
import {
  type Bounds,
  claimedAddresses,
  type DomainRow,
  type Place,
  placeText,
  type Rejection,
  readRow,
  type Row,
  type WrittenRow,
} from './rows.ts';
import { type AddressTuple, RuleRows } from './rule-rows.ts';

/** Of one table, or of the rule itself. */
export interface RowSet {
  readonly addresses: readonly AddressTuple[];
  readonly domains: readonly DomainRow[];
  readonly rejected: readonly RejectedRow[];
  placeOf(address: number): Place;
  /** As it was written, for people. */
  valuesOf(row: number): string;
}

export interface ReadRows extends Pick<RowSet, 'addresses' | 'domains' | 'rejected' | 'valuesOf'> {
  /** For each address the number of the row it came from. */
  readonly origins: readonly number[];
}

/** Each row is written and read before the next: a table of them all would take more memory than what comes of it. */
export function readRows<T>(rows: readonly T[], write: (row: T) => WrittenRow, bounds: Bounds): ReadRows {
  const addresses: AddressTuple[] = [];
  const origins: number[] = [];
  const domains: DomainRow[] = [];
  const rejected: RejectedRow[] = [];
  const domainValues: string[] = [];
  /** Of those that are not written as the configuration writes them. */
  const values = new Map<number, string>();
  for (const [number, each] of rows.entries()) {
    const written = write(each);
    const result = readRow(written, bounds);
    if (!result.ok) {
      rejected.push(rejection(written, result));
    } else if (result.value.kind === 'Domain') {
      domains.push(result.value);
      domainValues.push(textOf(written));
    } else {
      const { internal, external, direction } = result.value;
      if (internal !== written.internal || external !== written.external) values.set(addresses.length, textOf(written));
      addresses.push([internal, external, direction]);
      origins.push(number);
    }
  }
  const own = withOwnTexts(addresses);
  return { addresses: own, origins, domains, rejected, valuesOf: valuesAt(own, values, domainValues) };
}

/** Apart from where the rows are read, which it would keep in memory. */
function valuesAt(
  addresses: readonly AddressTuple[],
  values: ReadonlyMap<number, string>,
  ofDomains: readonly string[],
): RowSet['valuesOf'] {
  return (row) => {
    const [internal = '', external = ''] = addresses[row] ?? [];
    return values.get(row) ?? ofDomains[row - addresses.length] ?? textOf({ internal, external });
  };
}

/** A text cut out of a table keeps all of the table in memory: written and read again each is a text of its own. */
function withOwnTexts(addresses: readonly AddressTuple[]): AddressTuple[] {
  const texts = JSON.parse(
    JSON.stringify(addresses.flatMap(([internal, external]) => [internal, external])),
  ) as string[];
  return addresses.map(([internal, external, direction], at) => [
    texts[2 * at] ?? internal,
    texts[2 * at + 1] ?? external,
    direction,
  ]);
}

/** The rows of all sets in their order; rows are numbered over all of them, addresses before domains. */
export function joinRows(sets: readonly RowSet[], claimant: Claimant): { rows: RuleRows; rejected: RejectedRow[] } {
  const written = new Sets(sets);
  const first = new FirstClaims<number>();
  const rejected = sets.flatMap((set) => set.rejected);
  const reject = (row: number, earlier: number, held: readonly string[]) => {
    const place = written.place(row);
    rejected.push({ ...repeats(written.place(earlier)), held, place, values: written.values(row) });
  };
  const origins: number[] = [];
  for (const [row, [internal, external, direction]] of written.addresses.entries()) {
    const earlier = first.take(direction, keyOfAddress(internal), keyOfAddress(external), row);
    if (earlier === undefined) origins.push(row);
    else reject(row, earlier, claimedAddresses({ internal, external, direction }));
  }
  const domains = written.domains.filter((row, at) => {
    const number = written.addresses.length + at;
    const earlier = first.take(row.direction, keyInside(row), keyOutside(row), number);
    if (earlier !== undefined) reject(number, earlier, []);
    return earlier === undefined;
  });
  if (origins.length === written.addresses.length) {
    return { rows: new RuleRows(claimant, written.addresses, domains, written.placesOf()), rejected };
  }
  const addresses = origins.flatMap((row) => {
    const address = written.addresses[row];
    return address === undefined ? [] : [address];
  });
  return { rows: new RuleRows(claimant, addresses, domains, written.placesOf(Uint32Array.from(origins))), rejected };
}

/** Several sets as one. */
class Sets {
  readonly addresses: readonly AddressTuple[];
  readonly domains: readonly DomainRow[];
  readonly #sets: readonly RowSet[];

  constructor(sets: readonly RowSet[]) {
    this.#sets = sets;
    const [only] = sets;
    this.addresses = only !== undefined && sets.length === 1 ? only.addresses : sets.flatMap((set) => set.addresses);
    this.domains = sets.flatMap((set) => set.domains);
  }

  place(row: number): Place {
    const domain = this.domains[row - this.addresses.length];
    if (domain !== undefined) return domain.place;
    const { set, at } = this.#find(row, ({ addresses }) => addresses.length);
    return set.placeOf(at);
  }

  /** Of addresses that are left, by what their numbers were. */
  placesOf(origins?: Uint32Array): (address: number) => Place {
    return (at) => this.place(origins?.[at] ?? at);
  }

  values(row: number): string {
    if (row < this.addresses.length) {
      const { set, at } = this.#find(row, ({ addresses }) => addresses.length);
      return set.valuesOf(at);
    }
    const { set, at } = this.#find(row - this.addresses.length, ({ domains }) => domains.length);
    return set.valuesOf(set.addresses.length + at);
  }

  #find(row: number, lengthOf: (set: RowSet) => number): { readonly set: RowSet; readonly at: number } {
    let at = row;
    for (const set of this.#sets) {
      if (at < lengthOf(set)) return { set, at };
      at -= lengthOf(set);
    }
    throw new Error(`there is no row ${row}`);
  }
}

/** The rows in their order, for whoever needs each as it was read. */
export function keepRows(written: readonly WrittenRow[], bounds: Bounds): { rows: Row[]; rejected: RejectedRow[] } {
  const rows: Row[] = [];
  const rejected: RejectedRow[] = [];
  const first = new FirstClaims<Row>();
  for (const one of written) {
    const read = readRow(one, bounds);
    if (!read.ok) {
      rejected.push(rejection(one, read));
      continue;
    }
    const row = read.value;
    const earlier = first.take(row.direction, keyInside(row), keyOutside(row), row);
    if (earlier === undefined) {
      rows.push(row);
      continue;
    }
    const held = row.kind === 'Address' ? claimedAddresses(row) : [];
    rejected.push({ ...repeats(earlier.place), held, place: one.place, values: textOf(one) });
  }
  return { rows, rejected };
}

/** All rows of a rule count for the same recipients, so that a half is all that tells their claims apart. */
class FirstClaims<T> {
  readonly #inside = new Map<string, T>();
  readonly #outside = new Map<string, T>();

  /** What claims one of the keys already; else `claimant` does from now on. */
  take(direction: Direction, inside: string, outside: string, claimant: T): T | undefined {
    const outbound = direction !== 'InboundOnly';
    const inbound = direction !== 'OutboundOnly';
    const earlier =
      (outbound ? this.#inside.get(inside) : undefined) ?? (inbound ? this.#outside.get(outside) : undefined);
    if (earlier !== undefined) return earlier;
    if (outbound) this.#inside.set(inside, claimant);
    if (inbound) this.#outside.set(outside, claimant);
    return undefined;
  }
}

function repeats(earlier: Place): Pick<RejectedRow, 'reason' | 'problem'> {
  return { reason: 'DuplicateRow', problem: `it repeats an address of ${placeText(earlier)}` };
}

function rejection(written: WrittenRow, { reason, problem, held }: Rejection): RejectedRow {
  return { reason, problem, held, place: written.place, values: textOf(written) };
}

function textOf({ internal, external }: { readonly internal: string; readonly external: string }): string {
  return `${shown(internal)} → ${shown(external)}`;
}
