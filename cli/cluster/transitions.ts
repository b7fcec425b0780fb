/** What the API server would refuse because of what is there: rules of the schemas that compare with the object before. */

import { evaluate } from '@marcbachmann/cel-js';
import { fieldSchema, isMapping } from '../../crds/defaults.ts';
import { type OpenApiSchema, openApiSchema } from '../../crds/openapi.ts';
import type { Path, Problem } from '../../crds/problem.ts';
import type { IsthmusResource } from '../../crds/v1alpha1/kinds.ts';
import { RULES_KEY } from '../../crds/v1alpha1/rules.ts';

export function checkTransition(before: IsthmusResource, after: IsthmusResource): Problem[] {
  const problems: Problem[] = [];
  visit(openApiSchema(after.kind), { spec: before.spec }, { spec: after.spec }, [], problems);
  return problems;
}

/** Lists are left out: the API server compares items only where it can tell which was which. */
function visit(schema: OpenApiSchema, before: unknown, after: unknown, path: Path, problems: Problem[]): void {
  if (before === undefined || after === undefined) return;
  for (const { rule, message } of schema[RULES_KEY] ?? []) {
    if (!/\boldSelf\b/.test(rule)) continue;
    if (evaluate(rule, { self: after, oldSelf: before }) !== true) problems.push({ path, message });
  }
  if (!isMapping(before) || !isMapping(after)) return;
  for (const [name, child] of Object.entries(after)) {
    const childSchema = fieldSchema(schema, name);
    if (childSchema !== undefined) visit(childSchema, before[name], child, [...path, name], problems);
  }
}
