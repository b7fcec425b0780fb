/** Who claims which address, kept from one compilation to the next: only rules whose rows changed are entered anew. */

import { keyOfAddress } from './mailbox-text.ts';
import { type Claim, claimsOfRow, keyInside, keyOutside } from './row-claims.ts';
import type { Row } from './rows.ts';
import type { RuleRows } from './rule-rows.ts';

/** Above it numbers would take memory of their own; entering everything anew starts at zero. */
const MOST_NUMBERS = 2 ** 30;

export interface Claiming {
  readonly name: string;
  readonly claimed: RuleRows;
  readonly formerRows: RuleRows;
}

interface Entry extends Claiming {
  /** Number of its first row among those of all rules: a million rows are told apart by numbers and not by objects. */
  readonly first: number;
}

/** A row of a rule; those of formerRows are numbered after those it claims. */
export interface Holder {
  readonly rule: string;
  readonly number: number;
  readonly row: Row;
}

/** Mostly one. */
type Holders = number | readonly number[];
type Keys = Map<string, Set<string>>;

/** Of one fleet. A space is a mode with the half for which a key counts, and whether for certain recipients only. */
export class ClaimIndex {
  #holders = new Map<string, Map<string, Holders>>();
  /** Keys with several holders, and of these those that mean different things by them. */
  #shared: Keys = new Map();
  readonly #disputed: Keys = new Map();
  readonly #unsettled: Keys = new Map();
  #entries = new Map<string, Entry>();
  /** By `first`. */
  #ordered: Entry[] = [];
  #next = 0;

  /** All rules that claim something now. */
  enter(rules: readonly Claiming[]): void {
    const present = new Map(rules.map((rule) => [rule.name, rule]));
    const gone = [...this.#entries.values()].filter((entry) => !isSame(entry, present.get(entry.name)));
    for (const entry of gone) this.#remove(entry);
    const left = new Set(gone);
    if (left.size > 0) this.#ordered = this.#ordered.filter((entry) => !left.has(entry));
    for (const rule of rules) if (!this.#entries.has(rule.name)) this.#add(rule);
    if (this.#next > MOST_NUMBERS) this.#renumber(rules);
    this.#settle();
  }

  /** Numbers of the rows that claim what another row claims for something else, by rule. */
  disputedRows(): Map<string, number[]> {
    const rows = new Map<string, Set<number>>();
    for (const [space, keys] of this.#disputed) {
      for (const key of keys) {
        for (const number of this.#numbers(space, key)) {
          const { name, first } = this.#entryOf(number);
          rows.set(name, (rows.get(name) ?? new Set()).add(number - first));
        }
      }
    }
    return new Map([...rows].map(([name, numbers]) => [name, [...numbers].sort((a, b) => a - b)]));
  }

  holders(space: string, key: string): Holder[] {
    return this.#numbers(space, key).map((number) => this.#holder(number));
  }

  /** What is claimed by several rules in the same sense. */
  *shared(space: string): Generator<readonly Holder[]> {
    for (const key of this.#shared.get(space) ?? []) yield this.holders(space, key);
  }

  #add({ name, claimed, formerRows }: Claiming): void {
    const entry = { name, claimed, formerRows, first: this.#next };
    this.#entries.set(name, entry);
    this.#ordered.push(entry);
    this.#next += claimed.length + formerRows.length;
    forEachKey(entry, (space, key, number) => {
      const holders = this.#holders.get(space) ?? new Map<string, Holders>();
      if (holders.size === 0) this.#holders.set(space, holders);
      const known = holders.get(key);
      if (known === undefined) {
        holders.set(key, number);
        return;
      }
      holders.set(key, typeof known === 'number' ? [known, number] : [...known, number]);
      note(this.#shared, space, key);
      note(this.#unsettled, space, key);
    });
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.name);
    forEachKey(entry, (space, key, number) => {
      const holders = this.#holders.get(space);
      const known = holders?.get(key);
      if (holders === undefined || known === undefined || typeof known === 'number') {
        holders?.delete(key);
        return;
      }
      const [first, ...rest] = known.filter((each) => each !== number);
      if (first === undefined) holders.delete(key);
      else holders.set(key, rest.length === 0 ? first : [first, ...rest]);
      if (rest.length === 0) this.#shared.get(space)?.delete(key);
      note(this.#unsettled, space, key);
    });
  }

  #renumber(rules: readonly Claiming[]): void {
    this.#holders = new Map();
    this.#shared = new Map();
    this.#entries = new Map();
    this.#ordered = [];
    this.#next = 0;
    for (const rule of rules) this.#add(rule);
  }

  #settle(): void {
    for (const [space, keys] of this.#unsettled) {
      for (const key of keys) {
        const claims = this.#numbers(space, key).flatMap((number) => this.#claimsAt(number));
        if (isDisputed(key, claims)) note(this.#disputed, space, key);
        else this.#disputed.get(space)?.delete(key);
      }
    }
    this.#unsettled.clear();
  }

  #claimsAt(number: number): Claim[] {
    const { rows, at } = this.#place(number);
    return claimsOfRow(rows.row(at), rows.claimant);
  }

  #numbers(space: string, key: string): readonly number[] {
    const holders = this.#holders.get(space)?.get(key) ?? [];
    return typeof holders === 'number' ? [holders] : holders;
  }

  #holder(number: number): Holder {
    const { name, first } = this.#entryOf(number);
    const { rows, at } = this.#place(number);
    return { rule: name, number: number - first, row: rows.row(at) };
  }

  #place(number: number): { readonly rows: RuleRows; readonly at: number } {
    const { first, claimed, formerRows } = this.#entryOf(number);
    const at = number - first;
    return at < claimed.length ? { rows: claimed, at } : { rows: formerRows, at: at - claimed.length };
  }

  #entryOf(number: number): Entry {
    let low = 0;
    let high = this.#ordered.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#ordered[middle]?.first ?? 0) <= number) low = middle;
      else high = middle - 1;
    }
    const entry = this.#ordered[low];
    if (entry === undefined) throw new Error(`no rule has the row ${number}`);
    return entry;
  }
}

function isSame(entry: Entry, rule: Claiming | undefined): boolean {
  return rule !== undefined && rule.claimed === entry.claimed && rule.formerRows === entry.formerRows;
}

function note(keys: Keys, space: string, key: string): void {
  const known = keys.get(space);
  if (known === undefined) keys.set(space, new Set([key]));
  else known.add(key);
}

function isDisputed(key: string, claims: readonly Claim[]): boolean {
  const targets = new Map<string, string>();
  return claims.some((claim) => {
    if (claim.key !== key) return false;
    const known = targets.get(claim.space);
    targets.set(claim.space, claim.target);
    return known !== undefined && known !== claim.target;
  });
}

export const outSpace = (mode: string) => `${mode} out`;
/** Of rules for certain recipient domains: which, is told by the rule, as it may name hundreds. */
export const scopedSpace = (mode: string) => `${mode} scoped`;
export const inSpace = (mode: string) => `${mode} in`;

function forEachKey(
  { claimed, formerRows, first }: Entry,
  visit: (space: string, key: string, number: number) => void,
): void {
  let number = first;
  for (const { claimant, addresses, domains } of [claimed, formerRows]) {
    const outbound = claimant.onlyTo === undefined ? outSpace(claimant.mode) : scopedSpace(claimant.mode);
    const inbound = inSpace(claimant.mode);
    for (const [internal, external, direction] of addresses) {
      if (direction !== 'InboundOnly') visit(outbound, keyOfAddress(internal), number);
      if (direction !== 'OutboundOnly') visit(inbound, keyOfAddress(external), number);
      number++;
    }
    for (const row of domains) {
      if (row.direction !== 'InboundOnly') visit(outbound, keyInside(row), number);
      if (row.direction !== 'OutboundOnly') visit(inbound, keyOutside(row), number);
      number++;
    }
  }
}
