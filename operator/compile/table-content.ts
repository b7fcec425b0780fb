/** The rows of a RewriteRule as they are written, wherever they stand: in the rule, in a ConfigMap or in a Secret. */

import type { RewriteRuleSpec } from '../../crds/v1alpha1/rewrite-rule.ts';
import type { Report } from './conditions.ts';
import { type Read, readKey } from './credentials.ts';
import { readTable, type TableRow } from './csv.ts';
import type { CompileInput, DataObject, Platform } from './input.ts';
import { listed, shown } from './order.ts';
import type { RejectedRow } from './rejected-rows.ts';
import { type RowSet, readRows } from './row-set.ts';
import type { Bounds, WrittenRow } from './rows.ts';

export type TableReference = NonNullable<RewriteRuleSpec['addressesFrom']>[number];

/** A table that a rule names, found or not. */
export interface FoundTable {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  /** The field that names it. */
  readonly path: string;
  /** For people. */
  readonly label: string;
  readonly read: Read<{ readonly bytes: Uint8Array; readonly object: DataObject }>;
}

/** undefined: the reference names no table, or two. */
export function findTable(
  { configMapKeyRef, secretKeyRef }: TableReference,
  path: string,
  namespace: string,
  input: CompileInput,
): FoundTable | undefined {
  const kind = configMapKeyRef === undefined ? 'Secret' : 'ConfigMap';
  const keyRef = configMapKeyRef ?? secretKeyRef;
  if (keyRef === undefined || (configMapKeyRef !== undefined && secretKeyRef !== undefined)) return undefined;
  return {
    kind,
    name: keyRef.name,
    path: `${path}.${kind === 'Secret' ? 'secretKeyRef' : 'configMapKeyRef'}`,
    label: `${kind} "${keyRef.name}", key "${keyRef.key}"`,
    read: readKey(kind, kind === 'Secret' ? input.secrets : input.configMaps, namespace, keyRef),
  };
}

/** Of one table. */
export interface TableRows extends RowSet {
  readonly unknownColumns: readonly string[];
}

/** What was made of a table, with all it was made of. */
export interface CachedTable {
  readonly bytes: Uint8Array;
  /** Its name and the bounds. */
  readonly key: string;
  /** Of the neighbours; undefined: no row of it looked at other tenants' domains. */
  readonly version: object | undefined;
  readonly rows: TableRows | string;
}

/** Rows within their bounds; a text says why it is no table. */
export function readTableRows(
  { label, path }: FoundTable,
  bytes: Uint8Array,
  bounds: Bounds,
  platform: Platform,
): TableRows | string {
  const table = readTable(bytes, platform);
  if (!table.ok) return table.reason;
  const { rows, broken, unknownColumns } = table.value;
  const place = (line: number) => ({ where: label, line, path });
  const { origins, ...set } = readRows(rows, (row) => writtenRow(row, place(row.line)), bounds);
  const lines = Uint32Array.from(origins, (row) => rows[row]?.line ?? 0);
  const rejected = broken.map(
    ({ line, reason }): RejectedRow => ({
      reason: 'InvalidRow',
      problem: `it ${reason}`,
      held: [],
      place: place(line),
      values: undefined,
    }),
  );
  return { ...set, placeOf: placesOf(label, path, lines), rejected: [...set.rejected, ...rejected], unknownColumns };
}

/** Apart from where the table is read, whose rows it would keep in memory. */
function placesOf(where: string, path: string, lines: Uint32Array): RowSet['placeOf'] {
  return (at) => ({ where, line: lines[at] ?? 0, path });
}

export function sayUnknownColumns(
  { unknownColumns }: TableRows,
  { kind, label, path }: FoundTable,
  report: Report,
): void {
  if (unknownColumns.length === 0) return;
  // What stands in a Secret is not repeated, not even its first line.
  const names =
    kind === 'Secret'
      ? `${unknownColumns.length}`
      : listed(
          unknownColumns.map((name) => `"${shown(name)}"`),
          10,
        );
  report.advise('warning', `${label}: columns that mean nothing here: ${names}.`, path);
}

/** A row whose internal side has no @ is one of a domain, and `*.` before it means the domains below as well. */
export function writtenRow(row: TableRow, place: WrittenRow['place']): WrittenRow {
  const { exceptions, outboundOnly, inboundOnly } = row;
  const includeSubdomains = row.internal.startsWith('*.') && !row.internal.includes('@');
  return {
    internal: includeSubdomains ? row.internal.slice(2) : row.internal,
    external: row.external,
    exceptions,
    includeSubdomains,
    direction: outboundOnly ? 'OutboundOnly' : inboundOnly ? 'InboundOnly' : undefined,
    place,
  };
}
