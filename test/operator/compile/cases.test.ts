/**
 * Every test/cases/compile/*.in.yaml comes to its *.out.yaml, in any order of its documents, and compiled again to
 * the same.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import { relayConfigSchema } from '../../../relay/core/config.ts';
import { CASES, caseTime, loadCase, render } from './case.ts';
import { pemTexts } from './pem.ts';

const SUFFIX = '.in.yaml';
const names = readdirSync(CASES)
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort();
/** UPDATE=1 writes the outputs: read every line of the difference before it is kept. */
const update = process.env.UPDATE === '1';

describe('compile', () => {
  let pem: ReadonlyMap<string, string>;
  beforeAll(async () => {
    pem = await pemTexts(caseTime('secrets'));
  });

  it.each(names)('%s', (name) => {
    const loaded = loadCase(name, pem);
    const { input } = loaded;
    const result = compile(input);
    const rendered = render(result, loaded);
    const file = new URL(`${name}.out.yaml`, CASES);
    if (update) writeFileSync(file, rendered);
    expect(rendered).toBe(readFileSync(file, 'utf8'));

    for (const { config, credentials } of result.fleets) {
      expect(relayConfigSchema.parse(config)).toEqual(config);
      for (const text of credentials.values()) expect(rendered).not.toContain(text);
    }
    const reversed = {
      ...input,
      resources: [...input.resources].reverse(),
      invalid: [...(input.invalid ?? [])].reverse(),
    };
    expect(compile(reversed)).toEqual(result);
    const again = compile({ ...input, running: result.fleets, tombstones: result.tombstones });
    expect(again).toEqual(result);
  });
});
