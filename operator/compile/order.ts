/** Orders that do not depend on the order of inputs: by name, and by age where it decides who holds a name. */

/** An address is rarely longer, and a cell of a table may have megabytes. */
const SHOWN = 100;

export interface Aged {
  readonly name: string;
  /** RFC 3339 in UTC, as the API server writes it, so that texts sort as times; undefined when read from files. */
  readonly created: string | undefined;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareText(a.name, b.name);
}

/** Oldest first; what has no time of creation comes last; equal ages by name. */
export function byAge(a: Aged, b: Aged): number {
  return compareText(a.created ?? '\uffff', b.created ?? '\uffff') || byName(a, b);
}

export function sortedUnique(texts: Iterable<string>): string[] {
  return [...new Set(texts)].sort(compareText);
}

/** Foreign text for a terminal or a log: cut, and without control, format and bidirectional characters. */
export function shown(text: string): string {
  const clean = text.slice(0, SHOWN).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return text.length > SHOWN ? `${clean}…` : clean;
}

/** `a, b and 3 more`. */
export function listed(texts: readonly string[], most: number): string {
  const shown = texts.slice(0, most).join(', ');
  return texts.length > most ? `${shown} and ${texts.length - most} more` : shown;
}
