/** Flux and helm wait by kstatus: what its library makes of each status that the operator writes. */

import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UNOBSERVED } from '../../crds/v1alpha1/conditions.ts';
import { KINDS } from '../../crds/v1alpha1/kinds.ts';
import { statusOf } from '../../operator/status/status.ts';
import { buildProgram } from '../cluster/build.ts';
import { factsOf, type StatusCase } from '../operator/status/case.ts';
import { runOrThrow } from '../support/child-process.ts';
import { luaHealth } from '../support/lua.ts';

interface Judged {
  readonly status: string;
  readonly message: string;
}

interface Example {
  readonly kind: string;
  readonly metadata: { readonly generation: number };
  readonly status: ReturnType<typeof statusOf>['status'];
}

const CASES = new URL('../cases/conditions/', import.meta.url);

const cases = readdirSync(CASES).flatMap((file) => parse(readFileSync(new URL(file, CASES), 'utf8')) as StatusCase[]);
const examples = cases.map((one) => ({ name: one.name, object: objectOf(one) }));

function objectOf(one: StatusCase): Example {
  const facts = factsOf(one);
  const { kind, name, namespace, generation } = facts.subject;
  const metadata = { name, namespace, generation };
  return Object.assign({ apiVersion: 'isthmus.dev/v1alpha1', kind, metadata }, { status: statusOf(facts).status });
}

const isTrue = ({ status }: Example, type: string): boolean =>
  status.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const messageOf = ({ status }: Example, type: string): string | undefined =>
  status.conditions?.find((condition) => condition.type === type)?.message;

let program: string;

async function judge(objects: readonly object[]): Promise<Judged[]> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n');
  const lines = (await runOrThrow(program, [], { input })).trim().split('\n');
  expect(lines).toHaveLength(objects.length);
  return lines.map((line) => JSON.parse(line) as Judged);
}

/** Each with its name, so that a failure says which. */
async function judgeEach(change: (object: Example) => object = (object) => object): Promise<Record<string, string>> {
  const judged = await judge(examples.map(({ object }) => change(object)));
  return Object.fromEntries(examples.map(({ name }, index) => [name, judged[index]?.status ?? '']));
}

beforeAll(async () => {
  program = await buildProgram('kstatus');
}, 300_000);

describe('kstatus', () => {
  it('calls what is Ready current, what has stalled failed, and what else there is in progress', async () => {
    const expected = examples.map(({ name, object }) => {
      if (isTrue(object, 'Stalled')) return [name, 'Failed'];
      return [name, isTrue(object, 'Ready') && !isTrue(object, 'Reconciling') ? 'Current' : 'InProgress'];
    });
    const judged = await judgeEach();
    expect(judged).toEqual(Object.fromEntries(expected));
    expect(new Set(Object.values(judged))).toEqual(new Set(['Current', 'Failed', 'InProgress']));
  });

  it('says of what is not current what its condition says', async () => {
    const troubled = examples.map(({ object }) => object).filter((object) => !isTrue(object, 'Ready'));
    const judged = await judge(troubled);
    expect(judged.map(({ message }) => message)).toEqual(
      troubled.map((object) => messageOf(object, 'Stalled') ?? messageOf(object, 'Reconciling')),
    );
  });

  it('agrees with what Argo CD is told', async () => {
    const words = { Failed: 'Degraded', Current: 'Healthy', InProgress: 'Progressing' };
    const judged = await judgeEach();
    for (const { name, object } of examples) {
      const { status } = luaHealth('deploy/argocd/health.lua', object);
      // kstatus has no word for what somebody has paused.
      if (status !== 'Suspended')
        expect(`${name}: ${status}`).toBe(`${name}: ${words[judged[name] as keyof typeof words]}`);
    }
  });

  it('waits for the operator after every change of a spec, whatever was said of the last one', async () => {
    const changed = await judgeEach((object) => ({
      ...object,
      metadata: { ...object.metadata, generation: object.metadata.generation + 1 },
    }));
    expect(new Set(Object.values(changed))).toEqual(new Set(['InProgress']));
  });

  it.each(KINDS)('waits for the operator when a %s is new', async (kind) => {
    const metadata = { name: 'new', namespace: 'mail', generation: 1 };
    const [judged] = await judge([{ apiVersion: 'isthmus.dev/v1alpha1', kind, metadata, status: UNOBSERVED }]);
    expect(judged?.status).toBe('InProgress');
  });
});
