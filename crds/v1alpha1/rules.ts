/** Attaches to a schema what zod cannot say itself: CEL rules and the API server's own keywords. */

import type { z } from 'zod';

/** One rule in CEL. The API server and offline validation evaluate the same text. */
export interface Rule {
  readonly rule: string;
  /** Says what to do, for the person who wrote the resource. */
  readonly message: string;
  /** The field at fault, from the value that the rule is about: `.metadata.name`. Left out: the value itself. */
  readonly fieldPath?: string;
}

export const RULES_KEY = 'x-kubernetes-validations';

/** Adds to the rules that the schema has already. zod's `refine` would vanish from the CRD without a word. */
export function withRules<T extends z.ZodType>(schema: T, ...rules: Rule[]): T {
  const known = (schema.meta()?.[RULES_KEY] ?? []) as Rule[];
  return schema.meta({ [RULES_KEY]: [...known, ...rules] });
}

/** Whole list replaced by whoever applies it; equal entries are compile's to report. */
export function atomic<T extends z.ZodType>(list: T): T {
  return list.meta({ 'x-kubernetes-list-type': 'atomic' });
}

/** Entries are distinct values and merge on server-side apply. */
export function set<T extends z.ZodType>(list: T): T {
  return list.meta({ 'x-kubernetes-list-type': 'set' });
}

/** Entries are objects that are told apart by one field and merge on server-side apply. */
export function mapBy<T extends z.ZodType>(key: string, list: T): T {
  return list.meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** A map has a bound too, because the estimated cost of CEL rules grows with it. */
export function atMost<T extends z.ZodType>(entries: number, map: T): T {
  return map.meta({ maxProperties: entries });
}
