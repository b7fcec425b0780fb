/** Every test/cases/conditions/*.yaml: facts, and the status that they come to. Each is one that the CRD takes. */

import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CONDITION_TYPES, REASONS } from '../../../crds/v1alpha1/conditions.ts';
import { KINDS, SCHEMAS } from '../../../crds/v1alpha1/kinds.ts';
import type { StatusResult } from '../../../operator/status/facts.ts';
import { statusOf } from '../../../operator/status/status.ts';
import { factsOf, type Outcome, type StatusCase } from './case.ts';

const CASES = new URL('../../cases/conditions/', import.meta.url);

const files = readdirSync(CASES).map((file) => ({
  file,
  cases: parse(readFileSync(new URL(file, CASES), 'utf8')) as StatusCase[],
}));
const all = files.flatMap(({ cases }) => cases);

describe.each(files)('status: $file', ({ cases }) => {
  it.each(cases)('$name', (example) => {
    const facts = factsOf(example);
    const result = statusOf(facts);
    expect(outcome(result)).toEqual(example.expect);
    expect(SCHEMAS[facts.subject.kind].status.parse(result.status)).toEqual(result.status);
    const again = statusOf({ ...facts, subject: { ...facts.subject, status: result.status } });
    expect(again.changed, 'nothing is sent that is written').toBe(false);
  });
});

describe('the closed lists', () => {
  it('have a case for every type of every kind', () => {
    const missing = KINDS.flatMap((kind) => {
      const seen = new Set(all.filter((each) => (each.kind ?? 'TenantRoute') === kind).flatMap(typesOf));
      return CONDITION_TYPES[kind].filter((type) => !seen.has(type)).map((type) => `${kind}: ${type}`);
    });
    expect(missing).toEqual([]);
  });

  it('have a case for every reason of every type', () => {
    const seen = new Set(
      all.flatMap(({ expect: { conditions } }) =>
        Object.entries(conditions).map(([type, text]) => `${type}: ${text.split(/[ :]/)[1]}`),
      ),
    );
    const listed = Object.entries(REASONS).flatMap(([type, reasons]) => reasons.map((reason) => `${type}: ${reason}`));
    expect(listed.filter((entry) => !seen.has(entry))).toEqual([]);
  });
});

function typesOf({ expect: { conditions } }: StatusCase): string[] {
  return Object.keys(conditions);
}

function outcome({ status, nextLookMs, programmed }: StatusResult): Outcome {
  const { conditions = [], observedGeneration: _, ...fields } = status;
  return {
    conditions: Object.fromEntries(
      conditions.map(({ type, status: value, reason, message }) => [type, `${value} ${reason}: ${message}`]),
    ),
    ...(Object.keys(fields).length > 0 && { fields }),
    ...(nextLookMs !== undefined && { nextLook: nextLookMs / 1000 }),
    ...(programmed !== undefined && { programmed }),
  };
}
