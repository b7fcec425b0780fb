/** Arbitrary resources that are nearly right: a valid one with one value of its spec replaced, removed or added to. */

import fc from 'fast-check';

/** Texts on both sides of every border that a format, a length or a pattern draws. */
const TEXTS = [
  ...['', 'a', 'A', 'x.y', '1', 'true', 'a b', 'a\n', '\ta', '..', 'a/b', 'ä', '😀'.repeat(100)],
  ...['a.example', '*.a.example', '*.example', '.example', 'example.', 'a..example', '-a.example', 'a-.example'],
  ...['xn--a.example', 'a_b.example', 'x'.repeat(254), `${'y'.repeat(63)}.example`, `${'y'.repeat(64)}.example`],
  ...['a@b.example', '"x y"@b.example', 'a@b', 'a@B.example', '@b.example'],
  ...['192.0.2.0/24', '192.0.2.1/24', '0.0.0.0/0', '1.2.3.4/33', '1.2.3.4/', '1.2.3.4', '1.2.3'],
  ...['::/0', '2001:db8::/32', '2001:db8::1', '2001:DB8::/32', '::ffff:1.2.3.4'],
  ...['500m', '1e3', '1.5Gi', '1Kib', '+1', '.5', '5.', '1E', '1Ei', '-1'],
  ...[
    'Route',
    'Verified',
    'Implicit',
    'MX',
    'SmartHost',
    'Include',
    'InboundOnly',
    'OutboundOnly',
    'NodePort',
    'Local',
  ],
  'tls.crt',
];

const NUMBERS = [0, 1, -1, 2, 25, 100, 500, 501, 65_535, 65_536, 99_999_999_999, 2.5];

const SHAPES: readonly unknown[] = [
  ...[null, true, false, [], {}, [null], [1], ['a'], ['a', 'a'], ['a.example', 'b.example'], ['192.0.2.0/24', '::/0']],
  ...[{ name: 'a' }, { name: '' }, { name: null }, { name: 'a', key: 'b' }, { a: 'b' }, { a: 1 }],
  ...[[{ name: 'a' }, { name: 'a' }], [{ host: 'a' }], [{}], { hosts: [{ host: 'a' }] }, { secretRef: { name: 'a' } }],
  ...[{ mode: 'Verified' }, { action: 'Route' }, { route: 'SmartHost' }],
];

export const replacements: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.constantFrom(...NUMBERS),
  fc.constantFrom(...SHAPES),
);

/** Fields of one kind of object that another does not have, or has elsewhere. */
const FIELDS = [
  ...[
    'replicas',
    'autoscaling',
    'tls',
    'mode',
    'route',
    'smartHost',
    'hosts',
    'mxOf',
    'auth',
    'domain',
    'domains',
    'name',
  ],
  ...['addresses', 'addressesFrom', 'direction', 'exceptions', 'subdomains', 'sources', 'cidrs', 'clientCertificate'],
  ...['loadBalancerClass', 'type', 'secretRef', 'key', 'unheardOf'],
];

type Step = string | number;

function pathsOf(value: unknown, path: readonly Step[]): (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const steps: [Step, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...steps.flatMap(([step, child]) => pathsOf(child, [...path, step]))];
}

type Change = { readonly how: 'replace' | 'remove' } | { readonly how: 'add'; readonly field: string };

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.constantFrom<Change>({ how: 'replace' }, { how: 'remove' }),
  fc.constantFrom(...FIELDS).map((field): Change => ({ how: 'add', field })),
);

function changed(value: unknown, path: readonly Step[], change: Change, by: unknown): unknown {
  const [step, ...rest] = path;
  if (step !== undefined) {
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<Step, unknown>;
    const child = copy[step];
    if (rest.length === 0 && change.how === 'remove' && !Array.isArray(value)) delete copy[step];
    else copy[step] = changed(child, rest, change, by);
    return copy;
  }
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return change.how === 'add' && isMapping ? { ...value, [change.field]: by } : by;
}

export function replaced(resources: readonly unknown[], by: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(fc.constantFrom(...resources), fc.nat(), changes, by).map(([resource, at, change, value]) => {
    const paths = pathsOf((resource as { spec?: unknown }).spec ?? {}, ['spec']);
    return changed(resource, paths[at % paths.length] ?? ['spec'], change, value);
  });
}
