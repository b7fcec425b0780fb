/** The rows of a rule in as little memory as a million of them need: never changed once they are made. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import { keyOfAddress } from './mailbox-text.ts';
import type { Claimant } from './row-claims.ts';
import type { DomainRow, Place, Row } from './rows.ts';

/** [internal, external, direction], as configurations hold them. */
export type AddressTuple = RewriteRuleConfig['addresses'][number];

/** Rows are numbered: addresses first, then domains. */
export class RuleRows {
  readonly claimant: Claimant;
  readonly addresses: readonly AddressTuple[];
  readonly domains: readonly DomainRow[];
  readonly #placeOf: (address: number) => Place;
  #inbound: number | undefined;

  constructor(
    claimant: Claimant,
    addresses: readonly AddressTuple[],
    domains: readonly DomainRow[],
    placeOf: (address: number) => Place,
  ) {
    this.claimant = claimant;
    this.addresses = addresses;
    this.domains = domains;
    this.#placeOf = placeOf;
  }

  /** How many shared addresses lead somewhere by them. */
  get inboundAddresses(): number {
    this.#inbound ??= this.addresses.reduce((sum, [, , direction]) => sum + (direction === 'OutboundOnly' ? 0 : 1), 0);
    return this.#inbound;
  }

  get length(): number {
    return this.addresses.length + this.domains.length;
  }

  place(row: number): Place {
    const domain = this.domains[row - this.addresses.length];
    return domain === undefined ? this.#placeOf(row) : domain.place;
  }

  row(number: number): Row {
    const address = this.addresses[number];
    if (address !== undefined) return addressRow(address, this.#placeOf(number));
    const domain = this.domains[number - this.addresses.length];
    if (domain === undefined) throw new Error(`a rule of ${this.length} rows has no row ${number}`);
    return domain;
  }

  /** The very same rows when nothing is left out. */
  without(left: ReadonlySet<number>): RuleRows {
    if (left.size === 0) return this;
    const addresses = this.addresses.filter((_, at) => !left.has(at));
    const domains = this.domains.filter((_, at) => !left.has(this.addresses.length + at));
    const numbers = [...this.addresses.keys()].filter((at) => !left.has(at));
    return new RuleRows(this.claimant, addresses, domains, (at) => this.#placeOf(numbers[at] ?? at));
  }
}

/** One object, so that having none is the same from one compilation to the next. */
export const NO_ROWS = new RuleRows({ mode: 'Enforce' }, [], [], () => {
  throw new Error('there is no row');
});

export function addressRow([internal, external, direction]: AddressTuple, place: Place): Row {
  const keys = { internalKey: keyOfAddress(internal), externalKey: keyOfAddress(external) };
  return { kind: 'Address', internal, external, ...keys, direction, place };
}
