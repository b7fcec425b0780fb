/** The chart's values.schema.json, with the RelayFleet's own schema where the default fleet's spec is. */

import { z } from 'zod';
import { type OpenApiSchema, openApiSchema } from '../crds/openapi.ts';
import { chartValues } from './values.ts';

type JsonSchema = Record<string, unknown>;

/** What JSON Schema understands of a CRD's schema; unknown fields are refused, as kubectl refuses them. */
function strict(schema: OpenApiSchema): JsonSchema {
  const { items, properties, additionalProperties, default: _default, ...rest } = schema;
  const kept = Object.entries(rest).filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'format');
  const described: JsonSchema = Object.fromEntries(kept);
  if (schema['x-kubernetes-int-or-string']) described['type'] = ['integer', 'string'];
  if (items) described['items'] = strict(items);
  if (properties) {
    described['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [name, strict(child)]),
    );
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] || schema.type !== 'object') return described;
  return { ...described, additionalProperties: additionalProperties ? strict(additionalProperties) : false };
}

/** Counts beyond what JavaScript can count say nothing. */
function withoutUnbounded(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutUnbounded);
  if (typeof node !== 'object' || node === null) return node;
  const meant = Object.entries(node).filter(
    ([key, value]) =>
      !((key === 'maximum' || key === 'minimum') && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) &&
      // Keys of JSON are always text.
      key !== 'propertyNames',
  );
  return Object.fromEntries(meant.map(([key, value]) => [key, withoutUnbounded(value)]));
}

export function valuesSchema(): JsonSchema {
  const spec = openApiSchema('RelayFleet').properties?.['spec'];
  if (spec === undefined) throw new Error('the RelayFleet schema has no spec');
  const schema = withoutUnbounded(z.toJSONSchema(chartValues, { target: 'draft-7' })) as {
    properties: Record<string, { properties: Record<string, unknown> }>;
  };
  const fleet = schema.properties['defaultFleet'];
  if (fleet === undefined) throw new Error('the chart has no defaultFleet');
  fleet.properties['spec'] = withoutUnbounded(strict(spec));
  return schema;
}
