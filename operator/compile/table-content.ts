/** The rows of a RewriteRule as they are written, wherever they stand: in the rule, in a ConfigMap or in a Secret. */

import type { RewriteRuleSpec } from '../../crds/v1alpha1/rewrite-rule.ts';
import type { Report } from './conditions.ts';
import { readKey, take } from './credentials.ts';
import { readTable, type TableRow } from './csv.ts';
import type { CompileInput } from './input.ts';
import type { RejectedRow } from './rejected-rows.ts';
import { listed, shown } from './order.ts';
import type { TableSource } from './result.ts';
import type { WrittenRow } from './rows.ts';

export interface Content {
  readonly rows: readonly WrittenRow[];
  /** Rows of tables of which nothing can be made. */
  readonly broken: readonly RejectedRow[];
  /** A table or the content of one could not be read: further rows may exist. */
  readonly unreadable: boolean;
  readonly confidential: boolean;
  readonly sources: readonly TableSource[];
}

export function readContent(spec: RewriteRuleSpec, namespace: string, report: Report, input: CompileInput): Content {
  const direct = directRows(spec);
  const stated = [spec.addresses, spec.addressesFrom, spec.domain].filter((each) => each !== undefined).length;
  if (stated !== 1) report.rejectField('spec', 'set exactly one of addresses, addressesFrom and domain.');
  const rows: WrittenRow[] = [...direct];
  const sources: TableSource[] = [];
  const broken: RejectedRow[] = [];
  let unreadable = false;
  let confidential = false;
  for (const [index, reference] of (spec.addressesFrom ?? []).entries()) {
    const read = readReferenced(reference, `spec.addressesFrom[${index}]`, namespace, report, input);
    if (read === undefined) {
      unreadable = true;
      continue;
    }
    confidential ||= read.source.kind === 'Secret';
    broken.push(...read.broken);
    sources.push(read.source);
    for (const row of read.rows) rows.push(row);
  }
  return { rows, broken, unreadable, confidential, sources };
}

function directRows(spec: RewriteRuleSpec): WrittenRow[] {
  const rows: WrittenRow[] = (spec.addresses ?? []).map(({ internal, external }, index) => {
    const path = `spec.addresses[${index}]`;
    return {
      internal,
      external,
      exceptions: [],
      includeSubdomains: false,
      direction: undefined,
      place: { where: path, path },
    };
  });
  if (spec.domain !== undefined) {
    const { internal, external, subdomains, exceptions = [] } = spec.domain;
    const place = { where: 'spec.domain', path: 'spec.domain' };
    const includeSubdomains = subdomains === 'Include';
    rows.push({ internal, external, exceptions, includeSubdomains, direction: undefined, place });
  }
  return rows;
}

type TableReference = NonNullable<RewriteRuleSpec['addressesFrom']>[number];

function readReferenced(
  reference: TableReference,
  path: string,
  namespace: string,
  report: Report,
  input: CompileInput,
): { rows: WrittenRow[]; broken: RejectedRow[]; source: TableSource } | undefined {
  const { configMapKeyRef, secretKeyRef } = reference;
  const kind = configMapKeyRef === undefined ? 'Secret' : 'ConfigMap';
  const keyRef = configMapKeyRef ?? secretKeyRef;
  if (keyRef === undefined || (configMapKeyRef !== undefined && secretKeyRef !== undefined)) {
    report.rejectField(path, 'set exactly one of configMapKeyRef and secretKeyRef.');
    return undefined;
  }
  const refPath = `${path}.${configMapKeyRef === undefined ? 'secretKeyRef' : 'configMapKeyRef'}`;
  const lookup = kind === 'Secret' ? input.secrets : input.configMaps;
  const found = take(report, refPath, readKey(kind, lookup, namespace, keyRef));
  if (found === undefined) return undefined;
  const table = readTable(found.bytes, input.platform);
  const label = `${kind} "${keyRef.name}", key "${keyRef.key}"`;
  if (!table.ok) {
    report.unresolved('InvalidContent', `${label}: the table ${table.reason}.`, { path: refPath });
    return undefined;
  }
  const place = (line: number) => ({ where: label, line, path: refPath });
  const { rows, broken, unknownColumns } = table.value;
  if (unknownColumns.length > 0) {
    // What stands in a Secret is not repeated, not even its first line.
    const names =
      kind === 'Secret'
        ? `${unknownColumns.length}`
        : listed(
            unknownColumns.map((name) => `"${shown(name)}"`),
            10,
          );
    report.advise('warning', `${label}: columns that mean nothing here: ${names}.`, refPath);
  }
  const rejected = broken.map(({ line, reason }) => ({
    reason: 'InvalidRow' as const,
    problem: `it ${reason}`,
    held: [],
    place: place(line),
    values: undefined,
  }));
  const source = { kind, name: keyRef.name, resourceVersion: found.object.resourceVersion } as const;
  return { rows: rows.map((row) => writtenRow(row, place(row.line))), broken: rejected, source };
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
