/** Reads the tables that an import names, of whichever system, and tells which of them are none. */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Direction } from '../../relay/core/config.ts';
import { CommandLineError } from '../command-line.ts';
import { isExchangeTable, readExchangeTable } from './exchange-table.ts';
import type { Imported, ImportedRow, LeftOut, Read } from './imported.ts';
import { isPostfixMap, POSTFIX_MAPS, postfixMapOf, readPostfixMap } from './postfix-map.ts';
import { decodeTable } from './table-text.ts';

export const FORMATS = ['exchange', 'postfix', ...POSTFIX_MAPS];

export interface Reading {
  /** One of FORMATS; undefined: the content says it. */
  readonly format: string | undefined;
  /** Of the rows of Postfix maps. */
  readonly direction: Direction | undefined;
}

export interface ReadFiles {
  readonly rows: ImportedRow[];
  readonly leftOut: LeftOut[];
  /** `users.csv: …` */
  readonly notes: string[];
  /** Files of which nothing can be read. */
  readonly refused: string[];
}

export function readFiles(files: readonly string[], reading: Reading): ReadFiles {
  const all: ReadFiles = { rows: [], leftOut: [], notes: [], refused: [] };
  for (const path of files) {
    const file = basename(path);
    const text = decodeTable(readBytes(path));
    const read: Read<Imported> = text.ok ? readText(text.value, file, reading) : text;
    if (!read.ok) {
      all.refused.push(`${file}: the table ${read.reason}`);
      continue;
    }
    for (const row of read.value.rows) all.rows.push(row);
    for (const row of read.value.leftOut) all.leftOut.push(row);
    for (const note of read.value.notes) all.notes.push(`${file}: ${note}`);
  }
  return all;
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CommandLineError(`${path} cannot be read (${code})`, 'isthmus import FILE...');
  }
}

function readText(text: string, file: string, { format, direction }: Reading): Read<Imported> {
  const exchange = format === undefined ? isExchangeTable(text) || /\.csv$/i.test(file) : format === 'exchange';
  if (exchange) {
    if (direction === undefined) return readExchangeTable(text, file);
    throw new CommandLineError('--direction is for Postfix maps', `${file} has columns OutboundOnly and InboundOnly`);
  }
  const map = format !== undefined && isPostfixMap(format) ? format : postfixMapOf(file);
  if (map === undefined) {
    throw new CommandLineError(
      `${file} has no header line of Exchange, and its name does not say which map of Postfix it is`,
      `name it with --from ${POSTFIX_MAPS.join('|')}`,
    );
  }
  return { ok: true, value: readPostfixMap(text, file, map, direction) };
}
