/** The rows of all rewriting rules in maps small enough for a million addresses: domain → local part → row numbers. */

import { lowerAscii, parseMailbox } from './address.ts';
import type { RelayConfig, RewriteRuleConfig } from './config.ts';

/** One number a row, counted over all rules; a list only where several rows name one address. */
export type RowNumbers = number | readonly number[];
/** Keys are lower-case local parts, unquoted. */
export type LocalParts = ReadonlyMap<string, RowNumbers>;

export interface IndexedRule {
  readonly rule: RewriteRuleConfig;
  readonly onlyTo: ReadonlySet<string> | undefined;
  /** Number of its first address row. */
  readonly firstRow: number;
}

export interface DomainRow {
  readonly indexed: IndexedRule;
  readonly row: RewriteRuleConfig['domains'][number];
}

export interface AddressRow {
  readonly indexed: IndexedRule;
  readonly row: RewriteRuleConfig['addresses'][number];
}

export interface RuleTable {
  /** By name, so that nothing depends on the order of the configuration. */
  readonly rules: readonly IndexedRule[];
  readonly internalAddresses: ReadonlyMap<string, LocalParts>;
  readonly externalAddresses: ReadonlyMap<string, LocalParts>;
  readonly internalDomains: ReadonlyMap<string, readonly DomainRow[]>;
  readonly externalDomains: ReadonlyMap<string, readonly DomainRow[]>;
}

export function buildRuleTable(config: RelayConfig): RuleTable {
  const rules: IndexedRule[] = [];
  const internalAddresses = new Map<string, Map<string, RowNumbers>>();
  const externalAddresses = new Map<string, Map<string, RowNumbers>>();
  const internalDomains = new Map<string, DomainRow[]>();
  const externalDomains = new Map<string, DomainRow[]>();
  let rowNumber = 0;
  for (const rule of [...config.rewriteRules].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const indexed = { rule, onlyTo: rule.onlyTo === undefined ? undefined : new Set(rule.onlyTo), firstRow: rowNumber };
    rules.push(indexed);
    for (const [internal, external] of rule.addresses) {
      const from = splitAddress(internal, rule);
      const to = splitAddress(external, rule);
      // Most rows keep the local part: one string then serves both maps.
      addAddress(internalAddresses, from.domain, from.localPart, rowNumber);
      addAddress(
        externalAddresses,
        to.domain,
        to.localPart === from.localPart ? from.localPart : to.localPart,
        rowNumber,
      );
      rowNumber++;
    }
    for (const row of rule.domains) {
      addTo(internalDomains, row.internal, { indexed, row });
      addTo(externalDomains, row.external, { indexed, row });
    }
  }
  return { rules, internalAddresses, externalAddresses, internalDomains, externalDomains };
}

/** The rule that holds the row, and the row. */
export function rowAt(table: RuleTable, rowNumber: number): AddressRow {
  let low = 0;
  let high = table.rules.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((table.rules[middle]?.firstRow ?? 0) <= rowNumber) low = middle;
    else high = middle - 1;
  }
  const indexed = table.rules[low];
  const row = indexed?.rule.addresses[rowNumber - indexed.firstRow];
  if (indexed === undefined || row === undefined) throw new Error(`no rewriting rule has row number ${rowNumber}`);
  return { indexed, row };
}

function splitAddress(text: string, rule: RewriteRuleConfig): { localPart: string; domain: string } {
  const at = text.lastIndexOf('@');
  if (at > 0 && text[0] !== '"') return { localPart: lowerAscii(text.slice(0, at)), domain: text.slice(at + 1) };
  const parsed = parseMailbox(text);
  if (!parsed.ok)
    throw new Error(`rule ${rule.name} in the configuration holds ${JSON.stringify(text)}: it ${parsed.reason}`);
  return { localPart: lowerAscii(parsed.value.localPart), domain: parsed.value.domain };
}

function addAddress(
  addresses: Map<string, Map<string, RowNumbers>>,
  domain: string,
  localPart: string,
  rowNumber: number,
): void {
  let localParts = addresses.get(domain);
  if (localParts === undefined) {
    localParts = new Map();
    addresses.set(domain, localParts);
  }
  const present = localParts.get(localPart);
  if (present === undefined) localParts.set(localPart, rowNumber);
  else localParts.set(localPart, typeof present === 'number' ? [present, rowNumber] : [...present, rowNumber]);
}

function addTo(domains: Map<string, DomainRow[]>, domain: string, row: DomainRow): void {
  const present = domains.get(domain);
  if (present === undefined) domains.set(domain, [row]);
  else present.push(row);
}
