/** Fills in defaults as the API server does: depth first from the outside, so that a default object gets its own fields' defaults. */

import type { OpenApiSchema } from './openapi.ts';

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A copy of value with every default in it. As the API server does, a null stands for a field that was left out,
 * unless it is an entry of a list or the schema does not know the field.
 */
export function withDefaults(schema: OpenApiSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((entry) => withDefaults(items, entry));
  }
  if (!isMapping(value) || schema['x-kubernetes-preserve-unknown-fields']) return value;
  const fields = new Map<string, unknown>();
  for (const [name, child] of Object.entries(value)) {
    const childSchema = fieldSchema(schema, name);
    if (childSchema === undefined) fields.set(name, child);
    else if (child !== null) fields.set(name, withDefaults(childSchema, child));
  }
  for (const [name, childSchema] of Object.entries(schema.properties ?? {})) {
    if (childSchema.default !== undefined && !fields.has(name)) {
      fields.set(name, withDefaults(childSchema, childSchema.default));
    }
  }
  // fromEntries and not assignment: a field called __proto__ is a field like any other.
  return Object.fromEntries(fields);
}

/** undefined: the schema knows no such field. */
export function fieldSchema(schema: OpenApiSchema, name: string): OpenApiSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return schema.additionalProperties;
}
