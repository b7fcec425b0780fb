/**
 * Splits tables of which every line is a record, as nearly all are, many times as fast as a reader of all of CSV; it
 * leaves the others to that one.
 */

export interface CsvRecord {
  /** Of its first line in the file, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

const QUOTE = '"';

/** Empty lines are no records. undefined: a cell is quoted in a way that takes more than a look at its ends. */
export function splitPlainLines(text: string, delimiter: string): CsvRecord[] | undefined {
  const records: CsvRecord[] = [];
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    line++;
    const written = text.slice(start, end);
    start = end + 1;
    const cells = written.split(delimiter);
    if (written.includes(QUOTE) && !unquote(cells)) return undefined;
    if (cells.length > 1 || cells[0]?.trim() !== '') records.push({ line, cells });
  }
  return records;
}

/** Takes off the quotes around whole cells; false: there are others, or one around a delimiter. */
function unquote(cells: string[]): boolean {
  for (const [at, cell] of cells.entries()) {
    if (!cell.includes(QUOTE)) continue;
    const inner = cell.slice(1, -1);
    if (cell.length < 2 || !cell.startsWith(QUOTE) || !cell.endsWith(QUOTE) || inner.includes(QUOTE)) return false;
    cells[at] = inner;
  }
  return true;
}
