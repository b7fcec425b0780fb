import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { networkPolicy } from '../../../operator/manifests/network-policy.ts';
import { objectLabels } from '../../../operator/manifests/names.ts';
import { type CaseInput, manifestInput } from './case.ts';
import { allows, type Flow, type Place, type Policy } from './network-flows.ts';

interface WrittenPlace {
  readonly address: string;
  readonly pod?: { namespace: string; fleet?: string; labels?: Record<string, string> };
}
type Row = readonly [from: string, to: string, port: string, answer: 'allowed' | 'denied'];
type Table = CaseInput & { readonly flows: readonly Row[] };

const documents = parseAllDocuments(readFileSync(join(import.meta.dirname, 'flows.yaml'), 'utf8'));
const [{ places }, ...tables] = documents.map((document) => document.toJS()) as [
  { places: Record<string, WrittenPlace> },
  ...Table[],
];

function place(name: string): Place {
  const written = places[name];
  if (written === undefined) throw new Error(`flows.yaml has no place "${name}"`);
  const { address, pod } = written;
  if (pod === undefined) return { address };
  const { namespace, fleet, labels = {} } = pod;
  return {
    address,
    pod: {
      namespace,
      namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
      labels: fleet === undefined ? labels : objectLabels(fleet, 'workload'),
    },
  };
}

function flowOf([from, to, written]: Row): Flow {
  const [protocol = '', port = ''] = written.split(' ');
  return { from: place(from), to: place(to), protocol, port: Number(port) };
}

describe.each(tables)('the network policy, $about', ({ flows, ...input }) => {
  const policy = networkPolicy(manifestInput(input)) as unknown as Policy;

  test.each(flows)('%s → %s on %s: %s', (...row) => {
    const answers = [true, false].map((blocksMeanPods) => allows(policy, flowOf(row), blocksMeanPods));
    const answer = row[3] === 'allowed';
    // The same on networks for which a block of addresses means pods and on those for which it does not.
    expect(answers).toEqual([answer, answer]);
  });
});

test('a table that no policy restricts says so: without the policy types everything is let through', () => {
  const policy = networkPolicy(manifestInput({})) as unknown as Policy;
  const open = { ...policy, spec: { ...policy.spec, policyTypes: [] } };
  const denied = tables.flatMap(({ flows }) => flows).filter(([, , , answer]) => answer === 'denied');
  expect(denied.length).toBeGreaterThan(30);
  expect(denied.filter((row) => !allows(open, flowOf(row), true))).toEqual([]);
});
