/** What the operator fetches for a resource is all that compile ever looks up. */

import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../../operator/compile/compile.ts';
import type { CompileInput } from '../../../operator/compile/input.ts';
import { references } from '../../../operator/compile/references.ts';
import { CASES, caseTime, loadCase } from './case.ts';
import { pemTexts } from './pem.ts';
import { inputOf, world } from './universe.ts';

/** `Secret mail/name` of everything that compile asked for, and of everything that references() names. */
function lookups(input: CompileInput): { asked: Set<string>; named: Set<string> } {
  const asked = new Set<string>();
  const watched = (kind: 'Secret' | 'ConfigMap', lookup: CompileInput['secrets']): CompileInput['secrets'] => {
    return (namespace, name) => {
      asked.add(`${kind} ${namespace}/${name}`);
      return lookup(namespace, name);
    };
  };
  compile({
    ...input,
    secrets: watched('Secret', input.secrets),
    configMaps: watched('ConfigMap', input.configMaps),
  });
  const named = input.resources.flatMap((resource) =>
    references(resource).map(({ kind, name }) => `${kind} ${resource.metadata.namespace}/${name}`),
  );
  return { asked, named: new Set(named) };
}

const cases = readdirSync(CASES)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => file.slice(0, -'.in.yaml'.length));

describe('references', () => {
  let pem: ReadonlyMap<string, string>;
  beforeAll(async () => {
    pem = await pemTexts(caseTime('secrets'));
  });

  it('names whatever compile looks up in any world', () => {
    let sum = 0;
    fc.assert(
      fc.property(world, (each) => {
        const { asked, named } = lookups(inputOf(each));
        sum += asked.size;
        expect([...asked].filter((object) => !named.has(object))).toEqual([]);
      }),
    );
    expect(sum).toBeGreaterThan(0);
  });

  it.each(cases)('names whatever compile looks up in the case %s', (name) => {
    const { asked, named } = lookups(loadCase(name, pem).input);
    expect([...asked].filter((object) => !named.has(object))).toEqual([]);
  });

  it('finds every kind of reference there is', () => {
    const all = cases.flatMap((name) => [...lookups(loadCase(name, pem).input).asked]);
    const { input } = loadCase('secrets', pem);
    const named = input.resources.map((resource) => [resource.kind, references(resource).length > 0]);
    expect(Object.fromEntries(named)).toMatchObject({ RelayFleet: true, SharedDomain: true, TenantRoute: true });
    expect(all.some((object) => object.startsWith('ConfigMap '))).toBe(true);
  });
});
