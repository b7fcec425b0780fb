/** Checks Secrets and ConfigMaps as the API server does and decodes their data. No message holds a byte of a value. */

import { isMapping } from '../../crds/defaults.ts';
import { suggestion } from '../../crds/nearest.ts';
import { checkObjectMeta } from '../../crds/object-meta.ts';
import type { Problem } from '../../crds/problem.ts';

const FIELDS = {
  Secret: ['data', 'stringData', 'type', 'immutable'],
  ConfigMap: ['data', 'binaryData', 'immutable'],
} as const;

/** Keys that the API server demands of these types. */
const KEYS_OF_TYPE = new Map([['kubernetes.io/tls', ['tls.crt', 'tls.key']]]);

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
/** RFC 4648 §4 with padding; white space is dropped before, as a folded YAML text has it. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** The API server's bound on the data of one object. */
export const MAX_DATA_BYTES = 1048576;

type Encoding = 'text' | 'base64';
type Data = Record<string, Uint8Array>;

function decode(encoding: Encoding, text: string): Uint8Array | undefined {
  if (encoding === 'text') return new TextEncoder().encode(text);
  const compact = text.replace(/[\r\n]/g, '');
  return BASE64.test(compact) ? Buffer.from(compact, 'base64') : undefined;
}

function readField(field: string, encoding: Encoding, value: unknown, data: Data, problems: Problem[]): void {
  if (value === undefined || value === null) return;
  if (!isMapping(value)) {
    problems.push({ path: [field], message: 'must be a mapping of keys to texts' });
    return;
  }
  for (const [key, text] of Object.entries(value)) {
    const report = (message: string) => problems.push({ path: [field, key], message });
    if (!KEY.test(key) || key === '.' || key.startsWith('..')) {
      report('a key must be letters, digits, hyphens, dots and underscores');
    }
    // As for the API server: a key without a value is an empty text.
    if (text !== null && typeof text !== 'string') {
      report('must be a string: put it in quotes, or write longer text after "|"');
      continue;
    }
    const bytes = decode(encoding, text ?? '');
    if (bytes !== undefined) data[key] = bytes;
    else report(`is not base64${field === 'data' ? '; plain text belongs in stringData' : ''}`);
  }
}

function keysOf(value: unknown): string[] {
  return isMapping(value) ? Object.keys(value) : [];
}

function checkFields(kind: keyof typeof FIELDS, raw: Record<string, unknown>, problems: Problem[]): void {
  const known: readonly string[] = ['apiVersion', 'kind', 'metadata', ...FIELDS[kind]];
  for (const name of Object.keys(raw).filter((field) => !known.includes(field))) {
    problems.push({ path: [name], message: `unknown field; ${suggestion(name, FIELDS[kind])}` });
  }
  const { immutable, type } = raw;
  if (immutable !== undefined && immutable !== null && typeof immutable !== 'boolean') {
    problems.push({ path: ['immutable'], message: 'must be true or false' });
  }
  if (kind === 'Secret' && type !== undefined && type !== null && typeof type !== 'string') {
    problems.push({ path: ['type'], message: 'must be a string, such as Opaque or kubernetes.io/tls' });
  }
}

/** data: what could be decoded, also when there are problems. */
export function readDataObject(
  kind: keyof typeof FIELDS,
  raw: Record<string, unknown>,
): { readonly data: Data; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  // Without a prototype: __proto__ and constructor are keys like any other.
  const data: Data = Object.create(null);
  checkObjectMeta(raw.metadata, problems);
  checkFields(kind, raw, problems);
  if (kind === 'Secret') {
    readField('data', 'base64', raw.data, data, problems);
    // The API server lets stringData win over data.
    readField('stringData', 'text', raw.stringData, data, problems);
    const type = typeof raw.type === 'string' ? raw.type : '';
    for (const key of (KEYS_OF_TYPE.get(type) ?? []).filter((name) => data[name] === undefined)) {
      problems.push({ path: ['data', key], message: `required by type ${type}, but missing` });
    }
  } else {
    readField('data', 'text', raw.data, data, problems);
    readField('binaryData', 'base64', raw.binaryData, data, problems);
    for (const key of keysOf(raw.binaryData).filter((name) => keysOf(raw.data).includes(name))) {
      problems.push({ path: ['binaryData', key], message: 'is in data as well: remove one' });
    }
  }
  return { data, problems };
}
