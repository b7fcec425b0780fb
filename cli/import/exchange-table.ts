/** Tables of Exchange: the documented import format and what Get-AddressRewriteEntry | Export-Csv writes. */

import { parseTable, type TableRow } from '../../operator/compile/csv.ts';
import { listed, shown } from '../../operator/compile/order.ts';
import { writtenRow } from '../../operator/compile/table-content.ts';
import { CORRECT_THE_LINE, type Imported, type ImportedRow, type LeftOut, type Read } from './imported.ts';

/** Excel writes semicolons where the comma is the decimal sign, and tabs as "Unicode text". */
const DELIMITERS = [',', ';', '\t'];
/** Export-Csv writes the type of a list instead of its content: `System.String[]`, `…MultiValuedProperty`1[…]`. */
const TYPE_NAME = /^(?:System|Microsoft)\.|`\d/;
const EXPORT_LISTS =
  "export the content of lists: Select-Object *,@{n='ExceptionList';e={$_.ExceptionList -join ','}} " +
  '-ExcludeProperty ExceptionList';

export function isExchangeTable(text: string): boolean {
  return /internaladdress/i.test(headerLine(text));
}

export function readExchangeTable(text: string, file: string): Read<Imported> {
  const table = parseTable(text, delimiterOf(headerLine(text)));
  if (!table.ok) return table;
  const { broken, unknownColumns } = table.value;
  const leftOut: LeftOut[] = broken.map(({ line, reason }) => {
    return { file, line, problem: `it ${reason}`, advice: CORRECT_THE_LINE };
  });
  const rows: ImportedRow[] = [];
  for (const row of table.value.rows) {
    const exceptions = exceptionsOf(row);
    if (exceptions === undefined) {
      leftOut.push({ file, line: row.line, problem: 'its ExceptionList is the name of a type', advice: EXPORT_LISTS });
      continue;
    }
    const place = { where: file, line: row.line, path: '' };
    rows.push({ name: row.name, written: writtenRow({ ...row, exceptions }, place) });
  }
  const columns = unknownColumns.map((name) => `"${shown(name)}"`);
  const notes = columns.length === 0 ? [] : [`columns that mean nothing here: ${listed(columns, 20)}`];
  return { ok: true, value: { rows, leftOut, notes } };
}

/** Without the line that names a type, with which Windows PowerShell begins. */
function headerLine(text: string): string {
  const lines = text.slice(0, 65536).split(/\r\n?|\n/);
  return lines.find((line) => line.trim() !== '' && !/^\ufeff?"?#TYPE/.test(line)) ?? '';
}

function delimiterOf(header: string): string {
  const count = (delimiter: string) => header.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** `{a, b}` and `{}`, as lists are shown, without their braces; undefined: the list was not exported. */
function exceptionsOf({ exceptions, internal }: TableRow): readonly string[] | undefined {
  if (exceptions.some((exception) => TYPE_NAME.test(exception))) {
    // Exchange has exceptions on wildcard entries only: everywhere else the list behind the name is empty.
    return internal.startsWith('*') ? undefined : [];
  }
  const bare = exceptions.join(',').replace(/^\{(.*)\}$/s, '$1');
  return bare
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
