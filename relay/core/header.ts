/**
 * A header section as fields by offset: nothing is copied, nothing is lost, and whatever is no field stays where it
 * is (RFC 5322 §2.2).
 */

import { latin1Text, NOTHING, utf8Octets } from './octets.ts';

export interface HeaderField {
  /** Lower case, without the white space some write before the colon; empty for lines that are no field. */
  readonly name: string;
  /** First octet of the name. */
  readonly start: number;
  /** First octet after the colon. */
  readonly valueStart: number;
  /** After the line end of the last folded line. */
  readonly end: number;
}

export interface Header {
  /** All fields with their line ends, without the empty line that ends the section. Never changed. */
  readonly octets: Uint8Array;
  readonly fields: readonly HeaderField[];
}

/** Puts `text` in place of the octets from `start` to before `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const LF = 10;
const COLON = 58;
/** RFC 5322 §2.2 ftext, and white space before the colon (§4.5). */
const NAME = /^([!-9;-~]+)[ \t]*$/;
const LINE_END = /[\r\n]/;
/** Names as they were written: mail uses a few hundred, and what strangers invent must not fill the memory. */
const knownNames = new Map<string, string>();
const REMEMBERED_NAMES = 1000;
const REMEMBERED_LENGTH = 80;

export function parseHeader(octets: Uint8Array): Header {
  const fields: HeaderField[] = [];
  const text = latin1Text(octets, 0, octets.length);
  let start = 0;
  while (start < octets.length) {
    const end = endOfField(octets, start);
    fields.push(readField(text, octets, start, end));
    start = end;
  }
  return { octets, fields };
}

export function fieldsNamed(header: Header, name: string): HeaderField[] {
  return header.fields.filter((field) => field.name === name);
}

/** The field's value as Latin-1, unfolded and without white space around it. */
export function fieldValue(header: Header, field: HeaderField): string {
  return latin1Text(header.octets, field.valueStart, field.end)
    .replace(/\r?\n(?=[ \t])/g, '')
    .trim();
}

/** The header with `edits` made; the same header when there are none. They must be in order and must not overlap. */
export function editHeader(header: Header, edits: readonly Edit[]): Header {
  if (edits.length === 0) return header;
  const replacements: Uint8Array[] = [];
  let size = header.octets.length;
  for (const edit of edits) {
    const replacement = utf8Octets(edit.text);
    replacements.push(replacement);
    size += replacement.length - (edit.end - edit.start);
  }
  const octets = new Uint8Array(size);
  let read = 0;
  let written = 0;
  for (const [i, edit] of edits.entries()) {
    if (edit.start < read || edit.end < edit.start) throw new Error(`edit at octet ${edit.start} overlaps another`);
    const replacement = replacements[i] ?? NOTHING;
    octets.set(header.octets.subarray(read, edit.start), written);
    octets.set(replacement, written + edit.start - read);
    written += edit.start - read + replacement.length;
    read = edit.end;
  }
  octets.set(header.octets.subarray(read), written);
  return new EditedHeader(octets, () => movedFields(header, edits, replacements) ?? parseHeader(octets).fields);
}

/** Looks for its fields when it is asked for them: the last edit of a message that is not signed never is. */
class EditedHeader implements Header {
  readonly octets: Uint8Array;
  #fields: readonly HeaderField[] | undefined;
  readonly #find: () => readonly HeaderField[];

  constructor(octets: Uint8Array, find: () => readonly HeaderField[]) {
    this.octets = octets;
    this.#find = find;
  }

  get fields(): readonly HeaderField[] {
    this.#fields ??= this.#find();
    return this.#fields;
  }
}

/** The header without the fields that `unwanted` names, folded lines and all. */
export function removeFields(header: Header, unwanted: (field: HeaderField) => boolean): Header {
  return editHeader(
    header,
    header.fields.filter(unwanted).map((field) => ({ start: field.start, end: field.end, text: '' })),
  );
}

/** The header with whole fields put above it, where trace fields go (RFC 5321 §4.4). `text` ends with CRLF or is empty. */
export function prependFields(header: Header, text: string): Header {
  return text === '' ? header : editHeader(header, [{ start: 0, end: 0, text }]);
}

/** The fields where edits put them, when values were edited and whole fields removed or put above; undefined: read anew. */
function movedFields(
  header: Header,
  edits: readonly Edit[],
  replacements: readonly Uint8Array[],
): HeaderField[] | undefined {
  const fields: HeaderField[] = [];
  let shift = 0;
  let next = 0;
  const above = edits[0];
  if (above?.end === 0) {
    // White space at the beginning would now continue what is put above it.
    if (!above.text.endsWith('\n') || isBlank(header.octets[0])) return undefined;
    const octets = replacements[next++] ?? new Uint8Array();
    fields.push(...parseHeader(octets).fields);
    shift = octets.length;
  }
  for (const field of header.fields) {
    const start = field.start + shift;
    const valueStart = field.valueStart + shift;
    let removed = false;
    for (let edit = edits[next]; edit !== undefined && edit.start < field.end; edit = edits[++next]) {
      removed = edit.start === field.start && edit.end === field.end && edit.text === '';
      const within = field.name !== '' && edit.start >= field.valueStart && edit.end < field.end;
      // A fold whose white space is replaced would begin a field.
      const safe = within && header.octets[edit.start - 1] !== LF && !LINE_END.test(edit.text);
      if (!removed && !safe) return undefined;
      shift += (replacements[next]?.length ?? 0) - (edit.end - edit.start);
    }
    if (!removed) fields.push({ name: field.name, start, valueStart, end: field.end + shift });
  }
  return next === edits.length ? fields : undefined;
}

function isBlank(octet: number | undefined): boolean {
  return octet === 32 || octet === 9;
}

function endOfField(octets: Uint8Array, start: number): number {
  let lineStart = start;
  for (;;) {
    const lf = octets.indexOf(LF, lineStart);
    if (lf < 0) return octets.length;
    lineStart = lf + 1;
    if (!isBlank(octets[lineStart])) return lineStart;
  }
}

function readField(text: string, octets: Uint8Array, start: number, end: number): HeaderField {
  let colon = start;
  while (colon < end && octets[colon] !== COLON && octets[colon] !== LF) colon++;
  const name = octets[colon] === COLON ? nameIn(text.slice(start, colon)) : '';
  return { name, start, valueStart: name === '' ? start : colon + 1, end };
}

/** What stands before a colon as a name; empty when it is none. */
function nameIn(text: string): string {
  const known = knownNames.get(text);
  if (known !== undefined) return known;
  const name = NAME.exec(text)?.[1]?.toLowerCase() ?? '';
  if (text.length <= REMEMBERED_LENGTH && knownNames.size < REMEMBERED_NAMES) knownNames.set(text, name);
  return name;
}
