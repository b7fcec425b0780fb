/** The rows of all rewriting rules, found by address and by domain; small enough for a million addresses. */

import { AddressIndex } from './address-index.ts';
import type { RelayConfig, RewriteRuleConfig } from './config.ts';
import { addressHash, type Column, type PackedRows, packRows, rowAt, splitAddress } from './packed-rows.ts';

export interface IndexedRule {
  /** Its addresses may lie elsewhere, see PackedRules. */
  readonly rule: RewriteRuleConfig;
  readonly onlyTo: ReadonlySet<string> | undefined;
  /** Place among the rules by name. */
  readonly rank: number;
}

export interface DomainRow {
  readonly indexed: IndexedRule;
  readonly row: RewriteRuleConfig['domains'][number];
}

export interface AddressRow {
  readonly indexed: IndexedRule;
  readonly row: RewriteRuleConfig['addresses'][number];
}

/** Address rows by name of their rule, for rules that do not carry them themselves. */
export type PackedRules = ReadonlyMap<string, readonly PackedRows[]>;

/** Rows of one rule with numbers that follow each other. */
interface Segment {
  readonly indexed: IndexedRule;
  readonly rows: PackedRows;
  readonly first: number;
}

interface Found extends AddressRow {
  readonly number: number;
}

export class RuleTable {
  /** By name, so that nothing depends on the order of the configuration. */
  readonly rules: readonly IndexedRule[];
  readonly internalDomains: ReadonlyMap<string, readonly DomainRow[]>;
  readonly externalDomains: ReadonlyMap<string, readonly DomainRow[]>;
  readonly addressCount: number;
  readonly #index: AddressIndex;
  /** By number of the first row. */
  readonly #segments: readonly Segment[];

  constructor(rules: readonly IndexedRule[], index: AddressIndex, segments: Segment[]) {
    this.rules = rules;
    this.#index = index;
    this.#segments = segments.sort((a, b) => a.first - b.first);
    this.addressCount = segments.reduce((sum, { rows }) => sum + rows.count, 0);
    this.internalDomains = domainRows(rules, (row) => row.internal);
    this.externalDomains = domainRows(rules, (row) => row.external);
  }

  /** Rows that name the address in this column, by name of their rule; the local part in lower case, unquoted. */
  addressRows(column: Column, localPart: string, domain: string): AddressRow[] {
    const hash = addressHash(localPart, domain);
    const found: Found[] = [];
    for (const number of this.#index.candidates(column, hash)) {
      const segment = this.#segmentOf(number);
      if (segment === undefined || segment.rows.hashes[(number - segment.first) * 2 + column] !== hash) continue;
      const row = rowAt(segment.rows, number - segment.first);
      const split = splitAddress(row[column]);
      if (!split.ok || split.value.localPart !== localPart || split.value.domain !== domain) continue;
      found.push({ indexed: segment.indexed, row, number });
    }
    return found.length < 2 ? found : found.sort((a, b) => a.indexed.rank - b.indexed.rank || a.number - b.number);
  }

  /** The index, and which rows it knows under which number. */
  known(): { readonly index: AddressIndex; readonly first: ReadonlyMap<PackedRows, number> } {
    return { index: this.#index, first: new Map(this.#segments.map(({ rows, first }) => [rows, first])) };
  }

  /** undefined: the row is no rule's any more, or not yet. */
  #segmentOf(number: number): Segment | undefined {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#segments[middle]?.first ?? 0) <= number) low = middle;
      else high = middle - 1;
    }
    const segment = this.#segments[low];
    if (segment === undefined || number < segment.first || number >= segment.first + segment.rows.count) {
      return undefined;
    }
    return segment;
  }
}

/** Rows that `before` holds as well, the very same objects, cost nothing. */
export function buildRuleTable(config: RelayConfig, packed?: PackedRules, before?: RuleTable): RuleTable {
  const rules = [...config.rewriteRules]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((rule, rank): IndexedRule => ({ rule, onlyTo: rule.onlyTo && new Set(rule.onlyTo), rank }));
  const parts = rules.flatMap((indexed) => {
    const { name, addresses } = indexed.rule;
    const all = packed?.get(name) ?? [packRows(addresses, name)];
    // Without rows it would have the number of another's first row.
    return all.filter((rows) => rows.count > 0).map((rows) => ({ indexed, rows }));
  });
  const { index, first } = indexFor(
    parts.map(({ rows }) => rows),
    before,
  );
  const segments = parts.map(({ indexed, rows }) => ({ indexed, rows, first: first.get(rows) ?? index.add(rows) }));
  return new RuleTable(rules, index, segments);
}

function indexFor(all: readonly PackedRows[], before: RuleTable | undefined): ReturnType<RuleTable['known']> {
  const known = before?.known();
  const fresh = all.reduce((sum, rows) => sum + (known?.first.has(rows) === true ? 0 : rows.count), 0);
  if (known?.index.hasRoom(fresh) === true) return known;
  const total = all.reduce((sum, rows) => sum + rows.count, 0);
  return { index: new AddressIndex(total), first: new Map() };
}

function domainRows(
  rules: readonly IndexedRule[],
  domain: (row: DomainRow['row']) => string,
): ReadonlyMap<string, readonly DomainRow[]> {
  const byDomain = new Map<string, DomainRow[]>();
  for (const indexed of rules) {
    for (const row of indexed.rule.domains) {
      const present = byDomain.get(domain(row));
      if (present === undefined) byDomain.set(domain(row), [{ indexed, row }]);
      else present.push({ indexed, row });
    }
  }
  return byDomain;
}
