/** Evaluates the CEL rules of a schema on a value with the functions that Kubernetes adds to CEL. */

import { Environment } from '@marcbachmann/cel-js';
import { fieldSchema, isMapping } from './defaults.ts';
import { Cidr, parseIp } from './network-text.ts';
import type { OpenApiSchema } from './openapi.ts';
import type { Path, Problem } from './problem.ts';
import { shown } from './structure.ts';
import { RULES_KEY } from './v1alpha1/rules.ts';

/** As apimachinery's resource.ParseQuantity reads it. */
const QUANTITY = /^[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

const environment = new Environment({ unlistedVariablesAreDyn: false })
  .registerVariable('self', 'dyn')
  .registerType('Cidr', { ctor: Cidr, fields: {} })
  .registerFunction('isIP(string): bool', (text: string) => parseIp(text) !== undefined)
  .registerFunction('isCIDR(string): bool', (text: string) => Cidr.parse(text) !== undefined)
  .registerFunction('isQuantity(string): bool', (text: string) => QUANTITY.test(text))
  .registerFunction('cidr(string): Cidr', (text: string) => {
    const cidr = Cidr.parse(text);
    if (cidr === undefined) throw new Error(`not a network: ${text}`);
    return cidr;
  })
  .registerFunction('Cidr.masked(): Cidr', (cidr: Cidr) => cidr.masked())
  .registerFunction('string(Cidr): string', (cidr: Cidr) => cidr.toString());

type Program = (context: { self: unknown }) => unknown;
const programs = new Map<string, Program>();

function program(rule: string): Program {
  const known = programs.get(rule) ?? (environment.parse(rule) as Program);
  programs.set(rule, known);
  return known;
}

/** CEL tells whole numbers from others; JavaScript's one number type is a double to it. */
function celValue(schema: OpenApiSchema | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => celValue(schema?.items, entry));
  if (isMapping(value)) {
    const fields = Object.entries(value).map(([name, child]) => [
      name,
      celValue(schema === undefined ? undefined : fieldSchema(schema, name), child),
    ]);
    return Object.fromEntries(fields);
  }
  const whole = schema?.type === 'integer' || schema?.['x-kubernetes-int-or-string'] === true;
  return whole && Number.isSafeInteger(value) ? BigInt(value as number) : value;
}

/** Rules about a change compare with the object before; a file has none. */
const isTransition = (rule: string) => /\boldSelf\b/.test(rule);

/** Visits every value whose structure is right; `broken` says whether something is wrong at or below a path. */
export function checkRules(
  schema: OpenApiSchema,
  value: unknown,
  path: Path,
  broken: (path: Path) => boolean,
  problems: Problem[],
): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) {
      for (const [index, entry] of value.entries()) checkRules(items, entry, [...path, index], broken, problems);
    }
  } else if (isMapping(value)) {
    for (const [name, child] of Object.entries(value)) {
      const childSchema = fieldSchema(schema, name);
      if (childSchema !== undefined) checkRules(childSchema, child, [...path, name], broken, problems);
    }
  }
  const rules = (schema[RULES_KEY] ?? []).filter(({ rule }) => !isTransition(rule));
  if (rules.length === 0 || broken(path)) return;
  const self = celValue(schema, value);
  for (const { rule, message, fieldPath } of rules) {
    if (holds(rule, self)) continue;
    const at = fieldPath === undefined ? path : [...path, ...fieldPath.slice(1).split('.')];
    problems.push({ path: at, message: typeof value === 'string' ? `${shown(value)} ${message}` : message });
  }
}

function holds(rule: string, self: unknown): boolean {
  try {
    return program(rule)({ self }) === true;
  } catch (cause) {
    throw new Error(`the rule ${rule} cannot be evaluated on a value of the right structure`, { cause });
  }
}
