/** Arbitrary small worlds of resources in which names collide often, references lead nowhere and tables are missing. */

import fc from 'fast-check';
import { relayFleetSpec } from '../../../crds/v1alpha1/relay-fleet.ts';
import { rewriteRuleSpec } from '../../../crds/v1alpha1/rewrite-rule.ts';
import { sharedDomainSpec } from '../../../crds/v1alpha1/shared-domain.ts';
import { tenantRouteSpec } from '../../../crds/v1alpha1/tenant-route.ts';
import type { CompileInput, LookupResult, Resource } from '../../../operator/compile/input.ts';
import { nodePlatform } from '../../../operator/platform.ts';

export const NAMESPACE = 'mail';
const API_VERSION = 'isthmus.dev/v1alpha1';
const PLATFORM = nodePlatform();

const SHARED = ['s1', 's2'];
const SHARED_DOMAINS = ['shared1.example', 'shared2.example'];
const ROUTES = ['r1', 'r2', 'r3'];
const ROUTING_DOMAINS = ['t1.example', 't2.example', 'sub.t1.example'];
const LOCAL_PARTS = ['ann', 'bob', 'Ann', '"bob"', 'cid'];
const RULES = ['u1', 'u2', 'u3', 'u4', 'u5'];

export interface World {
  readonly resources: readonly Resource[];
  readonly tables: Readonly<Record<string, LookupResult>>;
}

export function inputOf(world: World, more: Partial<CompileInput> = {}): CompileInput {
  return {
    resources: world.resources,
    secrets: () => 'missing',
    configMaps: (_, name) => world.tables[name] ?? 'missing',
    now: 0,
    platform: PLATFORM,
    ...more,
  };
}

const created = fc.constantFrom(undefined, '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z');
const of = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const reference = (names: readonly string[]) => of(...names).map((name) => ({ name }));

function metadata(name: string, creationTimestamp: string | undefined) {
  return { name, namespace: NAMESPACE, ...(creationTimestamp !== undefined && { creationTimestamp }) };
}

const fleet: Resource = {
  apiVersion: API_VERSION,
  kind: 'RelayFleet',
  metadata: metadata('default', undefined),
  spec: relayFleetSpec.parse({ hostname: 'relay.example' }),
};

export const sharedDomain: fc.Arbitrary<Resource> = fc
  .record({ name: of(...SHARED), domain: of(...SHARED_DOMAINS), created, authority: of(undefined, ...ROUTES) })
  .map(({ name, domain, created: at, authority }) => ({
    apiVersion: API_VERSION,
    kind: 'SharedDomain',
    metadata: metadata(name, at),
    spec: sharedDomainSpec.parse({
      domain,
      ...(authority !== undefined && {
        unresolvedRecipients: { action: 'Route', tenantRouteRef: { name: authority } },
      }),
    }),
  }));

export const tenantRoute: fc.Arbitrary<Resource> = fc
  .record({
    name: of(...ROUTES),
    created,
    shared: fc.subarray(SHARED, { minLength: 1 }),
    domains: fc.subarray(ROUTING_DOMAINS),
    cidrs: fc.subarray(['192.0.2.1/32', '192.0.2.2/32'], { minLength: 1 }),
    password: fc.boolean(),
  })
  .map(({ name, created: at, shared, domains, cidrs, password }) => ({
    apiVersion: API_VERSION,
    kind: 'TenantRoute',
    metadata: metadata(name, at),
    spec: tenantRouteSpec.parse({
      sharedDomainRefs: shared.map((each) => ({ name: each })),
      domains,
      // No Secret is ever there: a route with a password is left out.
      nextHop: {
        hosts: [{ host: 'mail.example' }],
        ...(password && { tls: { mode: 'Verified' }, auth: { secretRef: { name: 'absent' } } }),
      },
      sources: [{ cidrs }],
    }),
  }));

const address = fc
  .record({ from: of(...LOCAL_PARTS), at: of(...ROUTING_DOMAINS), to: of(...LOCAL_PARTS), in: of(...SHARED_DOMAINS) })
  .map((row) => ({ internal: `${row.from}@${row.at}`, external: `${row.to}@${row.in}` }));

const content = fc.oneof(
  { weight: 4, arbitrary: fc.array(address, { minLength: 1, maxLength: 4 }).map((addresses) => ({ addresses })) },
  {
    weight: 1,
    arbitrary: of('good', 'absent', 'unknown').map((name) => ({
      addressesFrom: [{ configMapKeyRef: { name, key: 'users.csv' } }],
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        internal: of(...ROUTING_DOMAINS),
        external: of(...SHARED_DOMAINS),
        subdomains: of('Exclude', 'Include'),
      })
      .map((domain) => ({ domain })),
  },
);

export const rewriteRule: fc.Arbitrary<Resource> = fc
  .record({
    name: of(...RULES),
    created,
    sharedDomainRef: reference(SHARED),
    tenantRouteRef: reference(ROUTES),
    direction: of(undefined, 'Both', 'OutboundOnly', 'InboundOnly'),
    onlyTo: of(undefined, undefined, ['p1.example'], ['p1.example', 'p2.example']),
    mode: of('Enforce', 'Enforce', 'Audit'),
    content,
  })
  .map(({ name, created: at, direction, onlyTo, content: rows, ...spec }) => ({
    apiVersion: API_VERSION,
    kind: 'RewriteRule',
    metadata: metadata(name, at),
    spec: rewriteRuleSpec.parse({
      ...spec,
      ...rows,
      ...(direction !== undefined && { direction }),
      ...(onlyTo && { onlyTo: { domains: onlyTo } }),
    }),
  }));

const named = (resources: fc.Arbitrary<Resource>, maxLength: number) =>
  fc.uniqueArray(resources, { selector: ({ metadata: { name } }) => name, maxLength });

const table = fc.array(address, { maxLength: 4 }).map((rows) => {
  const lines = rows.map(({ internal, external }) =>
    [internal, external].map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','),
  );
  return { data: { 'users.csv': new TextEncoder().encode(['InternalAddress,ExternalAddress', ...lines].join('\n')) } };
});

export const world: fc.Arbitrary<World> = fc
  .record({
    sharedDomains: named(sharedDomain, SHARED.length),
    routes: named(tenantRoute, ROUTES.length),
    rules: named(rewriteRule, RULES.length),
    good: fc.oneof(table, of<LookupResult>('missing', 'unknown')),
  })
  .map(({ sharedDomains, routes, rules, good }) => ({
    resources: [fleet, ...sharedDomains, ...routes, ...rules],
    tables: { good, unknown: 'unknown' },
  }));
