/** Reads YAML and JSON as kubectl does, keeps the lines, and words every error without quoting the text: it may be a key. */

import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type ScalarTag,
  type YAMLError,
} from 'yaml';
import type { Path } from '../../crds/problem.ts';

export interface YamlDocument {
  readonly value: unknown;
  lineOf(path: Path): number;
}

export interface YamlError {
  readonly line: number;
  readonly message: string;
}

/** kubectl's reader still takes these YAML 1.1 words for booleans; a text of that kind needs quotes. */
const oldBoolean: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:[YyNn]|[Yy]es|YES|[Oo]n|ON|[Nn]o|NO|[Oo]ff|OFF)$/,
  identify: () => false,
  resolve: (text) => /^(?:y|yes|on)$/i.test(text),
};

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'an alias (*name) without its anchor (&name)',
  BAD_DQ_ESCAPE: 'a backslash in double quotes that escapes nothing: use single quotes or write it twice',
  BAD_INDENT: 'the indentation does not fit the lines around it, or a bracket is not closed',
  BAD_SCALAR_START: 'a value that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon in one line: put the value in quotes or on a line of its own',
  BLOCK_IN_FLOW: 'a list or mapping by indentation cannot stand inside [ ] or { }',
  DUPLICATE_KEY: 'the key is there twice in this mapping: remove one',
  MISSING_CHAR: 'a closing quote or bracket, a comma or a colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line: is a colon missing?',
  NON_STRING_KEY: 'a key must be a plain word',
  TAB_AS_INDENT: 'a tab is no indentation in YAML: use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name) that means nothing here: remove it, or put the value in quotes',
  UNEXPECTED_TOKEN: 'this cannot stand here: check the indentation, the quotes and the colons around it',
};

function wording(error: YAMLError): string {
  return `not YAML: ${MESSAGES[error.code] ?? `a mistake of the kind ${error.code}`}`;
}

function resolved(node: Node | null | undefined, document: Document): Node | null | undefined {
  return isAlias(node) ? node.resolve(document) : node;
}

/** The offset at which the field begins; of the nearest node around it when there is no such field. */
function offsetOf(document: Document.Parsed, path: Path): number {
  let node: Node | null | undefined = document.contents;
  let offset = document.contents?.range?.[0] ?? document.range[0];
  for (const part of path) {
    const here = resolved(node, document);
    if (isMap(here)) {
      const pair = here.items.find((item) => isScalar(item.key) && item.key.value === part);
      if (!isPair(pair)) return offset;
      offset = (pair.key as ParsedNode).range[0];
      node = pair.value as Node | null;
    } else if (isSeq(here) && typeof part === 'number') {
      const item = here.items[part] as ParsedNode | undefined;
      if (item === undefined) return offset;
      offset = item.range[0];
      node = item;
    } else {
      return offset;
    }
  }
  return offset;
}

function toValue(document: Document.Parsed): { ok: true; value: unknown } | { ok: false; message: string } {
  try {
    return { ok: true, value: document.toJS() };
  } catch (error) {
    // The library throws for aliases only.
    if (!(error instanceof ReferenceError)) throw error;
    const message = error.message.startsWith('Excessive')
      ? 'not YAML: so many aliases (*name) that a small file would fill the memory'
      : `not YAML: ${MESSAGES.BAD_ALIAS}`;
    return { ok: false, message };
  }
}

/** YAML 1.2 §5.1: of the control characters only tab, line feed and carriage return. */
function controlCharacter(text: string): number | undefined {
  const at = text.search(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/);
  return at < 0 ? undefined : text.slice(0, at).split('\n').length;
}

/** Empty documents are left out: a file often begins or ends with ---. */
export function parseYaml(text: string): { documents: YamlDocument[]; errors: YamlError[] } {
  const control = controlCharacter(text);
  if (control !== undefined) {
    return { documents: [], errors: [{ line: control, message: 'not YAML: holds a control character: remove it' }] };
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    stringKeys: true,
    customTags: (tags) => [oldBoolean, ...tags],
  });
  const documents: YamlDocument[] = [];
  const errors: YamlError[] = [];
  // Typed as possibly empty: a file without any document.
  for (const document of parsed as Document.Parsed[]) {
    // What the parser says after the first mistake is mostly about its consequences.
    const [mistake] = [...document.errors, ...document.warnings];
    if (mistake !== undefined) {
      errors.push({ line: lines.linePos(mistake.pos[0]).line, message: wording(mistake) });
      continue;
    }
    const result = toValue(document);
    if (!result.ok) errors.push({ line: lines.linePos(document.range[0]).line, message: result.message });
    else if (result.value !== null && result.value !== undefined) {
      documents.push({ value: result.value, lineOf: (path) => lines.linePos(offsetOf(document, path)).line });
    }
  }
  return { documents, errors };
}
