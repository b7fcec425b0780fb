/** Checks a value against a structural schema: types, unknown fields, bounds. Every problem, not the first. */

import { fieldSchema, isMapping } from './defaults.ts';
import { suggestion } from './nearest.ts';
import type { OpenApiSchema } from './openapi.ts';
import { formatPath, type Path, type Problem } from './problem.ts';

/** What zod and the CRD call it, and what a person calls it. */
const TYPE_NAMES = {
  object: 'a mapping',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
} as const;

function typeName(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `the string ${shown(value)}`;
  return typeof value === 'object' ? 'a mapping' : String(value);
}

/** A value of a Secret's size would make a message unreadable. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

function hasType(type: OpenApiSchema['type'], value: unknown): boolean {
  switch (type) {
    case 'object':
      return isMapping(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
    case 'string':
    case 'boolean':
      return typeof value === type;
    case undefined:
      return true;
  }
}

function wrongType(type: keyof typeof TYPE_NAMES, value: unknown): string {
  const quoted = type === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  const unquoted = typeof value === 'string' && type !== 'string' && /^(-?\d+|true|false)$/.test(value);
  const hint = quoted ? '; put it in quotes' : unquoted ? '; leave out the quotes' : '';
  return `must be ${TYPE_NAMES[type]}, not ${typeName(value)}${hint}`;
}

type Unit = 'characters' | 'entries' | 'keys';

/** Text of the bound that size breaks, if any. */
function outside(size: number, min: number | undefined, max: number | undefined, unit: Unit): string | undefined {
  if (size === 0 && min === 1) return 'must not be empty';
  if (min !== undefined && size < min) return `must have at least ${min} ${unit}, not ${size}`;
  if (max !== undefined && size > max) return `must have at most ${max} ${unit}, not ${size}`;
  return undefined;
}

export function checkStructure(schema: OpenApiSchema, value: unknown, path: Path, problems: Problem[]): void {
  const report = (message: string | undefined) => {
    if (message !== undefined) problems.push({ path, message });
  };
  if (schema['x-kubernetes-int-or-string']) {
    if (!Number.isSafeInteger(value) && typeof value !== 'string') {
      return report(`must be a whole number or a string, not ${typeName(value)}`);
    }
  } else if (schema.type === undefined || !hasType(schema.type, value)) {
    if (schema.enum === undefined) return report(wrongType(schema.type ?? 'object', value));
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return report(`must be one of ${schema.enum.join(', ')}, not ${shown(value)}`);
  }
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum) report(`must be at least ${schema.minimum}`);
    if (schema.maximum !== undefined && value > schema.maximum) report(`must be at most ${schema.maximum}`);
  } else if (typeof value === 'string') {
    // The API server counts code points and not UTF-16 units.
    report(outside([...value].length, schema.minLength, schema.maxLength, 'characters'));
  } else if (Array.isArray(value)) {
    checkList(schema, value, path, problems);
    report(outside(value.length, schema.minItems, schema.maxItems, 'entries'));
  } else if (isMapping(value)) {
    checkMapping(schema, value, path, problems);
  }
}

function checkMapping(schema: OpenApiSchema, value: Record<string, unknown>, path: Path, problems: Problem[]): void {
  if (schema['x-kubernetes-preserve-unknown-fields']) return;
  const known = Object.keys(schema.properties ?? {});
  for (const [name, child] of Object.entries(value)) {
    const childSchema = fieldSchema(schema, name);
    if (childSchema !== undefined) checkStructure(childSchema, child, [...path, name], problems);
    else problems.push({ path: [...path, name], message: `unknown field; ${suggestion(name, known)}` });
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) problems.push({ path: [...path, name], message: 'required, but missing' });
  }
  const tooMany = outside(Object.keys(value).length, undefined, schema.maxProperties, 'keys');
  if (tooMany !== undefined) problems.push({ path, message: tooMany });
}

/** What tells entries of the list apart; undefined: nothing needs to. */
function identity(schema: OpenApiSchema, entry: unknown): string | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return JSON.stringify(entry);
  const keys = schema['x-kubernetes-list-map-keys'];
  if (keys === undefined || !isMapping(entry)) return undefined;
  return keys.map((key) => `${key} ${JSON.stringify(entry[key])}`).join(', ');
}

function checkList(schema: OpenApiSchema, value: unknown[], path: Path, problems: Problem[]): void {
  const seen = new Map<string, number>();
  for (const [index, entry] of value.entries()) {
    if (schema.items !== undefined) checkStructure(schema.items, entry, [...path, index], problems);
    const id = identity(schema, entry);
    if (id === undefined) continue;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    else {
      const at = formatPath([...path.slice(-1), first]);
      problems.push({ path: [...path, index], message: `${id} is there twice: ${at} has it already` });
    }
  }
}
