/** Turns the zod schemas into the structural OpenAPI schemas that the API server accepts; throws on what it would not. */

import { z } from 'zod';
import { withDefaults } from './defaults.ts';
import { type Kind, type KindSchema, SCHEMAS } from './v1alpha1/kinds.ts';
import { RULES_KEY, type Rule } from './v1alpha1/rules.ts';

export interface OpenApiSchema {
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: OpenApiSchema;
  required?: string[];
  properties?: Record<string, OpenApiSchema>;
  additionalProperties?: OpenApiSchema;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: Rule[];
}

/** Also the order in which they are written, so that a person meets the description first. */
const KEYWORDS = [
  'description',
  'type',
  'format',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  RULES_KEY,
  'items',
  'required',
  'properties',
  'additionalProperties',
] as const satisfies readonly (keyof OpenApiSchema)[];

const INT32 = 2 ** 31 - 1;

function structural(raw: Record<string, unknown>, path: string): OpenApiSchema {
  for (const keyword of Object.keys(raw)) {
    if (!(KEYWORDS as readonly string[]).includes(keyword)) {
      throw new Error(`${path}: a structural schema has no "${keyword}"; write the zod schema without it`);
    }
  }
  const node = Object.fromEntries(KEYWORDS.filter((key) => key in raw).map((key) => [key, raw[key]])) as OpenApiSchema;
  if (node.items) node.items = structural(raw.items as Record<string, unknown>, `${path}[]`);
  if (node.properties) {
    node.properties = Object.fromEntries(
      Object.entries(node.properties).map(([name, child]) => [
        name,
        structural(child as Record<string, unknown>, `${path}.${name}`),
      ]),
    );
  }
  if (raw.additionalProperties === false) throw new Error(`${path}: write z.object: unknown fields are refused anyway`);
  if (node['x-kubernetes-preserve-unknown-fields']) delete node.additionalProperties;
  if (node.additionalProperties) {
    if (node.properties) throw new Error(`${path}: properties and additionalProperties exclude each other`);
    node.additionalProperties = structural(raw.additionalProperties as Record<string, unknown>, `${path}.*`);
  }
  if (node.type === 'integer') sizeOfInteger(node);
  // The API server evaluates the CEL rules on a default as it stands, without the defaults of its fields.
  if (node.default !== undefined) node.default = withDefaults(node, node.default);
  return bounded(node, path);
}

function sizeOfInteger(node: OpenApiSchema): void {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = node;
  node.format = minimum >= -INT32 - 1 && maximum <= INT32 ? 'int32' : 'int64';
  // zod's own bounds of a safe integer say nothing to a person.
  if (minimum <= Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (maximum >= Number.MAX_SAFE_INTEGER) delete node.maximum;
}

/** Without bounds the API server takes the worst for granted and refuses the CEL rules as too costly. */
function bounded(node: OpenApiSchema, path: string): OpenApiSchema {
  const unbounded =
    (node.type === 'string' && node.maxLength === undefined && node.enum === undefined) ||
    (node.type === 'array' && node.maxItems === undefined) ||
    (node.additionalProperties !== undefined && node.maxProperties === undefined);
  if (unbounded) throw new Error(`${path}: every string, list and map has a bound`);
  if (node.type === undefined && !node['x-kubernetes-int-or-string']) throw new Error(`${path}: has no type`);
  return node;
}

/** Throws on what the API server would refuse, and on a string, list or map without a bound. */
export function structuralSchema(schema: z.ZodType, path: string): OpenApiSchema {
  const raw = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' });
  return structural(raw as Record<string, unknown>, path);
}

function build(kind: Kind): OpenApiSchema {
  const schema: KindSchema = SCHEMAS[kind];
  const spec = structuralSchema(schema.spec, `${kind}.spec`);
  const name: OpenApiSchema = { type: 'string', maxLength: schema.maxNameLength ?? 253 };
  return {
    description: schema.description,
    type: 'object',
    ...(schema.rules.length > 0 ? { [RULES_KEY]: [...schema.rules] } : {}),
    required: schema.specOptional ? [] : ['spec'],
    properties: {
      apiVersion: { description: 'Group and version of this schema.', type: 'string' },
      kind: { description: 'The kind of this object.', type: 'string' },
      metadata: { type: 'object', ...(schema.maxNameLength === undefined ? {} : { properties: { name } }) },
      spec: {
        description: 'What is wanted.',
        ...spec,
        ...(schema.specOptional ? { default: withDefaults(spec, {}) } : {}),
      },
      status: { description: 'What is.', ...structuralSchema(schema.status, `${kind}.status`) },
    },
  };
}

const built = new Map<Kind, OpenApiSchema>();

/** The schema of a whole object. Made once: it is the same for every resource of the kind. */
export function openApiSchema(kind: Kind): OpenApiSchema {
  const known = built.get(kind) ?? build(kind);
  built.set(kind, known);
  return known;
}
