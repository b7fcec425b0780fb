/**
 * Reads tables of addresses as Exchange's cmdlets export them; a broken row is reported by its line and costs nothing
 * but itself.
 */

import { parse } from 'csv-parse/sync';
import { type CsvRecord, splitPlainLines } from './csv-lines.ts';
import type { Inspected, Platform } from './input.ts';

/** Unpacked. A ConfigMap holds 1 MiB, and 16 times that is what address tables gain by gzip at most. */
export const TABLE_OCTETS = 16 * 1024 * 1024;
/** After so many rows whose quotes are wrong the file is no table: each costs a new start behind it. */
const BROKEN_ROWS = 100;

const COLUMNS = ['name', 'internaladdress', 'externaladdress', 'exceptionlist', 'outboundonly', 'inboundonly'] as const;
type Column = (typeof COLUMNS)[number];
const REQUIRED = [
  ['internaladdress', 'InternalAddress'],
  ['externaladdress', 'ExternalAddress'],
] as const;

export interface TableRow {
  /** Of the first line of the row in the file, from 1. */
  readonly line: number;
  /** For people; empty without one. */
  readonly name: string;
  readonly internal: string;
  readonly external: string;
  /** Names of the ExceptionList; empty without one. */
  readonly exceptions: readonly string[];
  readonly outboundOnly: boolean;
  readonly inboundOnly: boolean;
}

export interface Table {
  readonly rows: readonly TableRow[];
  readonly broken: readonly { readonly line: number; readonly reason: string }[];
  readonly unknownColumns: readonly string[];
}

type TableResult = Inspected<Table>;

export function readTable(bytes: Uint8Array, platform: Platform): TableResult {
  // RFC 1952 §2.3.1: ID1 and ID2. The content decides, whatever the key is called.
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain: Inspected<Uint8Array> = packed ? platform.gunzip(bytes, TABLE_OCTETS) : { ok: true, value: bytes };
  if (!plain.ok) return plain;
  if (plain.value.length > TABLE_OCTETS) return { ok: false, reason: `is larger than ${TABLE_OCTETS} octets` };
  const text = platform.decodeUtf8(plain.value);
  if (text === undefined) return { ok: false, reason: 'is not UTF-8; export it with -Encoding utf8' };
  return parseTable(text);
}

/** The text of a table that is read already. What resources refer to has commas; other programs write other delimiters. */
export function parseTable(text: string, delimiter = ','): TableResult {
  const { records, broken, abandoned } = splitRecords(text, delimiter);
  if (abandoned) return { ok: false, reason: `has wrong quotes in more than ${BROKEN_ROWS} rows; is it a CSV file?` };
  // Windows PowerShell's Export-Csv without -NoTypeInformation begins with a line of its own.
  const start = records[0]?.cells[0]?.startsWith('#TYPE') === true ? 1 : 0;
  const header = records[start];
  if (header === undefined)
    return { ok: false, reason: 'has no header line; write Name,InternalAddress,ExternalAddress' };
  const columns = readHeader(header.cells);
  if (!columns.ok) return columns;
  const { places, unknownColumns } = columns.value;
  const rows: TableRow[] = [];
  const problems = [...broken];
  for (const record of records.slice(start + 1)) {
    const row = readRow(record, places, header.cells.length);
    if (row.ok) rows.push(row.value);
    else problems.push({ line: record.line, reason: row.reason });
  }
  return { ok: true, value: { rows, broken: problems.sort((a, b) => a.line - b.line), unknownColumns } };
}

function readHeader(
  cells: readonly string[],
): Inspected<{ places: ReadonlyMap<Column, number>; unknownColumns: string[] }> {
  const places = new Map<Column, number>();
  const unknownColumns: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const name = cell.trim();
    const column = COLUMNS.find((known) => known === name.toLowerCase());
    if (column === undefined) unknownColumns.push(name);
    else if (places.has(column)) return { ok: false, reason: `has two columns ${name}` };
    else places.set(column, index);
  }
  for (const [column, name] of REQUIRED) {
    if (places.has(column)) continue;
    const hint = cells.length === 1 && cells[0]?.includes(';') ? '; separate columns by commas, not semicolons' : '';
    return { ok: false, reason: `has no column ${name} in its header line${hint}` };
  }
  return { ok: true, value: { places, unknownColumns } };
}

function readRow({ line, cells }: CsvRecord, places: ReadonlyMap<Column, number>, width: number): Inspected<TableRow> {
  if (cells.length > width) return { ok: false, reason: `has ${cells.length} cells where the header has ${width}` };
  const cell = (column: Column) => cells[places.get(column) ?? -1]?.trim() ?? '';
  const internal = cell('internaladdress');
  const external = cell('externaladdress');
  if (internal === '') return { ok: false, reason: 'has no InternalAddress' };
  if (external === '') return { ok: false, reason: 'has no ExternalAddress' };
  const outboundOnly = readBoolean(cell('outboundonly'));
  const inboundOnly = readBoolean(cell('inboundonly'));
  if (outboundOnly === undefined) return { ok: false, reason: 'has an OutboundOnly that is neither True nor False' };
  if (inboundOnly === undefined) return { ok: false, reason: 'has an InboundOnly that is neither True nor False' };
  if (outboundOnly && inboundOnly) return { ok: false, reason: 'is both OutboundOnly and InboundOnly' };
  const exceptions = cell('exceptionlist')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return { ok: true, value: { line, name: cell('name'), internal, external, exceptions, outboundOnly, inboundOnly } };
}

function readBoolean(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case 'true':
      return true;
    case 'false':
    case '':
      return false;
    default:
      return undefined;
  }
}

interface Split {
  readonly records: readonly CsvRecord[];
  readonly broken: { line: number; reason: string }[];
  readonly abandoned: boolean;
}

/** All records that can be told apart; after one whose quotes are wrong it goes on at the next line. */
function splitRecords(text: string, delimiter: string): Split {
  const records: CsvRecord[] = [];
  const broken: Split['broken'] = [];
  // Old spreadsheets end lines with CR alone; one kind of line end makes lines countable.
  let rest = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const plain = splitPlainLines(rest, delimiter);
  if (plain !== undefined) return { records: plain, broken, abandoned: false };
  let linesBefore = 0;
  while (rest !== '') {
    let lines = 0;
    try {
      parse(rest, {
        delimiter,
        relax_column_count: true,
        on_record: (cells: string[], { lines: end }: { lines: number }) => {
          const start = lines + 1;
          lines = end;
          if (cells.length > 1 || cells[0]?.trim() !== '') records.push({ line: linesBefore + start, cells });
          return null;
        },
      });
      return { records, broken, abandoned: false };
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      broken.push({ line: linesBefore + lines + 1, reason: 'has a quote that does not open or close a cell' });
      if (broken.length > BROKEN_ROWS) return { records, broken, abandoned: true };
      rest = afterLines(rest, lines + 1);
      linesBefore += lines + 1;
    }
  }
  return { records, broken, abandoned: false };
}

function afterLines(text: string, count: number): string {
  let position = 0;
  for (let line = 0; line < count; line++) {
    const end = text.indexOf('\n', position);
    if (end < 0) return '';
    position = end + 1;
  }
  return text.slice(position);
}
