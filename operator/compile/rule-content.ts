/** The rows of a RewriteRule within their bounds, and what is to be said of those that are rejected. */

import type { RewriteRuleSpec } from '../../crds/v1alpha1/rewrite-rule.ts';
import { Report } from './conditions.ts';
import { take } from './credentials.ts';
import type { CompileInput } from './input.ts';
import { sameMembers } from './last.ts';
import type { RuleMemory } from './memory.ts';
import { boundsKey, type Neighbours, type Parties, RuleBounds } from './neighbours.ts';
import { compareText } from './order.ts';
import { rejectRows, type RejectedRow } from './rejected-rows.ts';
import type { TableSource } from './result.ts';
import type { Claimant } from './row-claims.ts';
import { joinRows, readRows, type RowSet } from './row-set.ts';
import type { RuleRows } from './rule-rows.ts';
import { type FoundTable, findTable, readTableRows, sayUnknownColumns, type TableRows } from './table-content.ts';
import type { WrittenRow } from './rows.ts';

export interface RuleContent {
  readonly rows: RuleRows;
  readonly rejected: number;
  /** Addresses of rejected rows. */
  readonly held: readonly string[];
  /** A table or the content of one could not be read: further rows may exist. */
  readonly unreadable: boolean;
  /** Rows come from a Secret. */
  readonly confidential: boolean;
  /** Paths of the references whose tables were read. */
  readonly read: ReadonlySet<string>;
  /** Whether the rows depend on other tenants' domains. */
  readonly looksAround: boolean;
  readonly notes: Report;
}

/** With all that it was made of. */
export interface CachedContent {
  readonly madeOf: readonly unknown[];
  /** Of the neighbours, where it matters. */
  readonly version: object | undefined;
  readonly content: RuleContent;
}

function isOfVersion(made: object | undefined, current: object): boolean {
  return made === undefined || made === current;
}

export interface ContentSurroundings {
  readonly parties: Parties;
  readonly neighbours: Neighbours;
  readonly input: CompileInput;
  readonly memory: RuleMemory;
}

/** Made anew only when the rule, a table of it or its bounds have changed. */
export function readContent(
  spec: RewriteRuleSpec,
  claimant: Claimant,
  report: Report,
  around: ContentSurroundings,
): RuleContent & { readonly sources: readonly TableSource[] } {
  const { input, neighbours, memory } = around;
  const references = spec.addressesFrom ?? [];
  const tables = references.map((each, at) => findTable(each, pathOf(at), report.namespace, input));
  const bounds = boundsKey(spec, around.parties);
  const madeOf = tables.flatMap((table): unknown[] => {
    if (table === undefined) return [undefined];
    return table.read.ok ? [table.read.value.bytes] : [table.read.reason, table.read.message];
  });
  const from = [spec, bounds, ...madeOf];
  const known = memory.content;
  const isCurrent =
    known !== undefined && isOfVersion(known.version, neighbours.version) && sameMembers(known.madeOf, from);
  const content = isCurrent ? known.content : new ContentReader(spec, report, around).read(tables, claimant);
  if (!isCurrent) {
    memory.content = { madeOf: from, version: content.looksAround ? neighbours.version : undefined, content };
  }
  report.include(content.notes);
  return { ...content, sources: tables.flatMap((table) => sourceOf(table, content)) };
}

const pathOf = (reference: number) => `spec.addressesFrom[${reference}]`;

function sourceOf(table: FoundTable | undefined, { read }: RuleContent): TableSource[] {
  if (table === undefined || !table.read.ok || !read.has(table.path)) return [];
  return [{ kind: table.kind, name: table.name, resourceVersion: table.read.value.object.resourceVersion }];
}

class ContentReader {
  readonly #spec: RewriteRuleSpec;
  readonly #around: ContentSurroundings;
  readonly #notes: Report;
  #looksAround = false;

  constructor(spec: RewriteRuleSpec, { kind, namespace, name }: Report, around: ContentSurroundings) {
    this.#spec = spec;
    this.#around = around;
    this.#notes = new Report(kind, namespace, name);
  }

  read(tables: readonly (FoundTable | undefined)[], claimant: Claimant): RuleContent {
    const { addresses, addressesFrom, domain } = this.#spec;
    const stated = [addresses, addressesFrom, domain].filter((each) => each !== undefined).length;
    if (stated !== 1) this.#notes.rejectField('spec', 'set exactly one of addresses, addressesFrom and domain.');
    const own = this.#bounds();
    const sets: RowSet[] = stated === 1 && addressesFrom !== undefined ? [] : [ownRows(this.#spec, own)];
    this.#looksAround = own.lookedAround;
    const before = new Map(this.#around.memory.tables);
    this.#around.memory.tables.clear();
    const read = new Set<string>();
    let confidential = false;
    for (const [at, table] of tables.entries()) {
      const rows = this.#table(table, at, before);
      if (table === undefined || rows === undefined) continue;
      read.add(table.path);
      confidential ||= table.kind === 'Secret';
      sets.push(rows);
    }
    const { rows, rejected } = joinRows(sets, claimant);
    rejectRows(this.#notes, rejected.sort(byPlace), confidential);
    return {
      rows,
      rejected: rejected.length,
      held: rejected.flatMap((row) => row.held),
      unreadable: read.size < tables.length,
      confidential,
      read,
      looksAround: this.#looksAround,
      notes: this.#notes,
    };
  }

  #bounds(): RuleBounds {
    return new RuleBounds(this.#spec, this.#around.parties, this.#around.neighbours);
  }

  /** undefined: the notes say why. */
  #table(table: FoundTable | undefined, at: number, before: RuleMemory['tables']): TableRows | undefined {
    const notes = this.#notes;
    if (table === undefined) {
      notes.rejectField(pathOf(at), 'set exactly one of configMapKeyRef and secretKeyRef.');
      return undefined;
    }
    const found = take(notes, table.path, table.read);
    if (found === undefined) return undefined;
    const rows = this.#rowsOf(table, found.bytes, before);
    if (typeof rows === 'string') {
      notes.unresolved('InvalidContent', `${table.label}: the table ${rows}.`, { path: table.path });
      return undefined;
    }
    sayUnknownColumns(rows, table, notes);
    return rows;
  }

  #rowsOf(table: FoundTable, bytes: Uint8Array, before: RuleMemory['tables']): TableRows | string {
    const { parties, neighbours, input } = this.#around;
    const key = `${table.label} ${boundsKey(this.#spec, parties)}`;
    const known = before.get(table.path);
    const current =
      known !== undefined &&
      known.bytes === bytes &&
      known.key === key &&
      isOfVersion(known.version, neighbours.version);
    if (current) {
      this.#around.memory.tables.set(table.path, known);
      this.#looksAround ||= known.version !== undefined;
      return known.rows;
    }
    const bounds = this.#bounds();
    const rows = readTableRows(table, bytes, bounds, input.platform);
    this.#looksAround ||= bounds.lookedAround;
    const version = bounds.lookedAround ? neighbours.version : undefined;
    this.#around.memory.tables.set(table.path, { bytes, key, version, rows });
    return rows;
  }
}

function ownRows({ addresses = [], domain }: RewriteRuleSpec, bounds: RuleBounds): RowSet {
  const place = (at: number) => ({ where: `spec.addresses[${at}]`, path: `spec.addresses[${at}]` });
  const written: WrittenRow[] = addresses.map(({ internal, external }, at) => {
    return { internal, external, exceptions: [], includeSubdomains: false, direction: undefined, place: place(at) };
  });
  if (domain !== undefined) {
    const { internal, external, subdomains, exceptions = [] } = domain;
    const includeSubdomains = subdomains === 'Include';
    const where = { where: 'spec.domain', path: 'spec.domain' };
    written.push({ internal, external, exceptions, includeSubdomains, direction: undefined, place: where });
  }
  const { origins, ...set } = readRows(written, (row) => row, bounds);
  return { ...set, placeOf: (at) => place(origins[at] ?? at) };
}

/** Tables in the order in which the rule names them, lines in theirs: rejected rows come from two readings. */
function byPlace(a: RejectedRow, b: RejectedRow): number {
  return a.place.path === b.place.path
    ? (a.place.line ?? 0) - (b.place.line ?? 0)
    : compareText(a.place.path, b.place.path);
}
