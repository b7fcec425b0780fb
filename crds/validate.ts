/** Says about a resource, without a cluster, what the API server would say, and fills in the defaults. */

import { checkRules } from './cel.ts';
import { isMapping, withDefaults } from './defaults.ts';
import { suggestion } from './nearest.ts';
import { checkObjectMeta } from './object-meta.ts';
import { type OpenApiSchema, openApiSchema } from './openapi.ts';
import type { Path, Problem } from './problem.ts';
import { checkStructure, shown } from './structure.ts';
import { type IsthmusResource, KINDS, type Kind } from './v1alpha1/kinds.ts';
import { API_VERSION } from './v1alpha1/metadata.ts';

export type Validation =
  | { readonly ok: true; readonly resource: IsthmusResource }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function isKind(kind: unknown): kind is Kind {
  return typeof kind === 'string' && (KINDS as string[]).includes(kind);
}

function checkApiVersion(apiVersion: unknown, problems: Problem[]): void {
  if (apiVersion === API_VERSION) return;
  const message =
    apiVersion === undefined ? `required: write ${API_VERSION}` : `must be ${API_VERSION}, not ${shown(apiVersion)}`;
  problems.push({ path: ['apiVersion'], message });
}

/** Every path at or below which something is wrong. */
function brokenPaths(problems: readonly Problem[]): (path: Path) => boolean {
  const broken = new Set<string>();
  for (const { path } of problems) {
    for (let length = 0; length <= path.length; length++) broken.add(JSON.stringify(path.slice(0, length)));
  }
  return (path) => broken.has(JSON.stringify(path));
}

/** The API server checks the status only when the status itself is written. */
function withoutStatus(schema: OpenApiSchema): OpenApiSchema {
  const { status: _status, metadata: _metadata, ...properties } = schema.properties ?? {};
  return { ...schema, properties };
}

export function validateResource(raw: unknown): Validation {
  const problems: Problem[] = [];
  if (!isMapping(raw)) {
    const message = `must be a mapping with apiVersion, kind, metadata and spec, not ${shown(raw)}`;
    return { ok: false, problems: [{ path: [], message }] };
  }
  checkApiVersion(raw.apiVersion, problems);
  const { kind } = raw;
  if (!isKind(kind)) {
    const found = kind === undefined ? 'required' : `${shown(kind)} is no kind of ${API_VERSION}`;
    problems.push({ path: ['kind'], message: `${found}; ${suggestion(typeof kind === 'string' ? kind : '', KINDS)}` });
    return { ok: false, problems };
  }
  checkObjectMeta(raw.metadata, problems);
  const schema = openApiSchema(kind);
  const { status: _status, metadata, ...rest } = raw;
  const bare = withoutStatus(schema);
  const filled = withDefaults(bare, rest);
  checkStructure(bare, filled, [], problems);
  checkNameLength(schema, metadata, problems);
  const whole = { ...(filled as Record<string, unknown>), metadata };
  checkRules(schema, whole, [], brokenPaths(problems), problems);
  return problems.length === 0 ? { ok: true, resource: whole as unknown as IsthmusResource } : { ok: false, problems };
}

/** The schema may narrow the name further than Kubernetes does. */
function checkNameLength(schema: OpenApiSchema, metadata: unknown, problems: Problem[]): void {
  const name = schema.properties?.metadata?.properties?.name;
  if (name === undefined || !isMapping(metadata) || typeof metadata.name !== 'string') return;
  checkStructure(name, metadata.name, ['metadata', 'name'], problems);
}
