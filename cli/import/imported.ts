/** What the reader of a table gives, whichever system wrote it: rows as they were written, and what was left out. */

import type { WrittenRow } from '../../operator/compile/rows.ts';

export interface ImportedRow {
  /** For people; empty where the table has none. */
  readonly name: string;
  readonly written: WrittenRow;
}

export interface LeftOut {
  readonly file: string;
  readonly line: number;
  /** `it has no ExternalAddress` */
  readonly problem: string;
  /** What to do about it; rows with the same advice are told it once. */
  readonly advice: string;
}

export interface Imported {
  readonly rows: readonly ImportedRow[];
  readonly leftOut: readonly LeftOut[];
  /** About the file as a whole. */
  readonly notes: readonly string[];
}

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export const CORRECT_THE_LINE = 'correct the line and import again';
