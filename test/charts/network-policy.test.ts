/** Whom the operator's own NetworkPolicy lets it talk to, and who may talk to it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { objectLabels } from '../../operator/manifests/names.ts';
import { allows, type Place, type Policy } from '../operator/manifests/network-flows.ts';
import { ROOT } from '../support/test-files.ts';

const inNamespace = (namespace: string, address: string, labels: Record<string, string>): Place => ({
  address,
  pod: { namespace, namespaceLabels: { 'kubernetes.io/metadata.name': namespace }, labels },
});

const OPERATOR = {
  'app.kubernetes.io/name': 'isthmus',
  'app.kubernetes.io/instance': 'isthmus',
  'app.kubernetes.io/component': 'operator',
};

const PLACES = {
  operator: inNamespace('mail', '10.244.1.2', OPERATOR),
  'relay here': inNamespace('mail', '10.244.1.10', objectLabels('default', 'workload')),
  'relay elsewhere': inNamespace('branch', '10.244.1.11', objectLabels('default', 'workload')),
  pod: inNamespace('shop', '10.244.2.3', { app: 'cart' }),
  prometheus: inNamespace('monitoring', '10.244.2.4', { 'app.kubernetes.io/name': 'prometheus' }),
  dns: inNamespace('kube-system', '10.244.1.3', { 'k8s-app': 'kube-dns' }),
  node: { address: '192.0.2.10' },
  'API server': { address: '192.0.2.1' },
  internet: { address: '198.51.100.20' },
} satisfies Record<string, Place>;

type Row = readonly [from: keyof typeof PLACES, to: keyof typeof PLACES, port: string, answer: 'allowed' | 'denied'];

/** By the file of test/charts/values. */
const TABLES: Readonly<Record<string, readonly Row[]>> = {
  default: [
    ['operator', 'API server', 'TCP 6443', 'allowed'],
    ['operator', 'API server', 'TCP 443', 'allowed'],
    ['operator', 'dns', 'UDP 53', 'allowed'],
    ['operator', 'relay here', 'TCP 9090', 'allowed'],
    ['operator', 'relay here', 'TCP 2525', 'denied'],
    ['operator', 'relay elsewhere', 'TCP 9090', 'denied'],
    ['operator', 'pod', 'TCP 9090', 'denied'],
    ['operator', 'internet', 'TCP 25', 'denied'],
    ['prometheus', 'operator', 'TCP 8080', 'allowed'],
    ['node', 'operator', 'TCP 8081', 'allowed'],
    ['node', 'operator', 'TCP 8080', 'denied'],
    ['pod', 'operator', 'TCP 9229', 'denied'],
    ['pod', 'relay here', 'TCP 2525', 'allowed'],
  ],
  'cluster-wide': [
    ['operator', 'relay here', 'TCP 9090', 'allowed'],
    ['operator', 'relay elsewhere', 'TCP 9090', 'allowed'],
    ['operator', 'pod', 'TCP 9090', 'denied'],
    ['operator', 'internet', 'TCP 25', 'denied'],
  ],
  placed: [
    ['operator', 'API server', 'TCP 6443', 'allowed'],
    ['operator', 'API server', 'TCP 443', 'denied'],
    ['operator', 'internet', 'TCP 6443', 'denied'],
    ['prometheus', 'operator', 'TCP 8080', 'allowed'],
    ['pod', 'operator', 'TCP 8080', 'denied'],
  ],
};

describe.each(Object.entries(TABLES))("the operator's network policy with the values %s", (values, rows) => {
  const text = readFileSync(join(ROOT, 'test/charts/rendered', `${values}.yaml`), 'utf8');
  const policy = parseAllDocuments(text)
    .map((document) => document.toJS() as Policy & { kind: string })
    .find(({ kind }) => kind === 'NetworkPolicy');

  it.each(rows)('%s → %s on %s: %s', (from, to, written, answer) => {
    if (policy === undefined) throw new Error(`${values} has no NetworkPolicy`);
    const [protocol = '', port = ''] = written.split(' ');
    const flow = { from: PLACES[from], to: PLACES[to], protocol, port: Number(port) };
    // Networks differ in whether a block of addresses means pods.
    const answers = [true, false].map((blocksMeanPods) => allows(policy, flow, blocksMeanPods));
    expect(answers).toEqual(answers.map(() => answer === 'allowed'));
  });
});
