/** Every row of what happens to a message has a test, and the test is still there: the list is test/cases/mail-flow.yaml. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Row {
  readonly row: string;
  readonly proof: readonly string[];
}

const SECTIONS = parse(readFileSync(join(import.meta.dirname, 'cases/mail-flow.yaml'), 'utf8')) as Readonly<
  Record<string, readonly Row[]>
>;

/** Why a proof is none; undefined: it stands. */
function missing(proof: string): string | undefined {
  const [file = '', name] = proof.split(' > ', 2);
  if (name === undefined) return `${proof} names no test`;
  const path = join(import.meta.dirname, file);
  if (!existsSync(path)) return `${file} is not there`;
  return isNamed(readFileSync(path, 'utf8'), name) ? undefined : `${file} has no test "${name}"`;
}

/** As a whole text in quotes, or, where cases are data, as the rest of a line that gives a case its name. */
function isNamed(text: string, name: string): boolean {
  if (["'", '"', '`'].some((quote) => text.includes(`${quote}${name}${quote}`))) return true;
  return text
    .split('\n')
    .some(
      (line) => /^(?:== |- (?:does|keeps): )/.test(line) && line.replace(/^(?:== |- (?:does|keeps): )/, '') === name,
    );
}

describe.each(Object.entries(SECTIONS))('%s', (_section, rows) => {
  it.each(rows)('$row', ({ proof }) => {
    expect(proof.map(missing).filter((why) => why !== undefined)).toEqual([]);
    expect(proof.length).toBeGreaterThan(0);
  });
});

describe('a proof that is none is told', () => {
  it.each([
    ['relay/promise.test.ts > that is nowhere', 'relay/promise.test.ts has no test "that is nowhere"'],
    ['relay/nowhere.test.ts > may close', 'relay/nowhere.test.ts is not there'],
    ['relay/promise.test.ts', 'relay/promise.test.ts names no test'],
    ['cases/rewrite/outbound.yaml > of the table', 'cases/rewrite/outbound.yaml has no test "of the table"'],
  ])('%s', (proof, why) => {
    expect(missing(proof)).toBe(why);
  });
});
