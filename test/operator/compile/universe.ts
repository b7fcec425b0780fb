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

/** By name, what a resource says when nobody made a mistake. */
const SHARED_DOMAIN_OF = { s1: 'shared1.example', s2: 'shared2.example' } as const;
const ROUTING_DOMAIN_OF = { r1: 't1.example', r2: 't2.example', r3: 'sub.t1.example' } as const;
const SHARED = ['s1', 's2'] as const;
const ROUTES = ['r1', 'r2', 'r3'] as const;
const SHARED_DOMAINS = Object.values(SHARED_DOMAIN_OF);
const ROUTING_DOMAINS = Object.values(ROUTING_DOMAIN_OF);
const LOCAL_PARTS = ['ann', 'bob', 'Ann', '"bob"', 'cid'];
const TENANT_IDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
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

/** Mostly right: a world in which everything is wrong proves little. */
const mostly = <T>(right: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: of(right, ...others) });

function metadata(name: string, creationTimestamp: string | undefined) {
  return { name, namespace: NAMESPACE, ...(creationTimestamp !== undefined && { creationTimestamp }) };
}

const fleet: Resource = {
  apiVersion: API_VERSION,
  kind: 'RelayFleet',
  metadata: metadata('default', undefined),
  spec: relayFleetSpec.parse({ hostname: 'relay.example' }),
};

export const sharedDomain: fc.Arbitrary<Resource> = of(...SHARED).chain((name) =>
  fc
    .record({
      domain: mostly<string>(SHARED_DOMAIN_OF[name], ...SHARED_DOMAINS),
      created,
      authority: mostly(undefined, ...ROUTES),
      order: mostly<readonly string[]>([], ROUTES, ['r2', 'r1'], ['r3', 'absent']),
    })
    .map(({ domain, created: at, authority, order }) => ({
      apiVersion: API_VERSION,
      kind: 'SharedDomain',
      metadata: metadata(name, at),
      spec: sharedDomainSpec.parse({
        domain,
        ...(authority !== undefined && {
          unresolvedRecipients: { action: 'Route', tenantRouteRef: { name: authority } },
        }),
        ...(authority === undefined &&
          order.length > 0 && {
            unresolvedRecipients: { action: 'Discover', order: order.map((each) => ({ name: each })) },
          }),
      }),
    })),
);

export const tenantRoute: fc.Arbitrary<Resource> = of(...ROUTES).chain((name) =>
  fc
    .record({
      created,
      shared: mostly<readonly string[]>(SHARED, ['s1'], ['s2']),
      domains: mostly<readonly string[]>([ROUTING_DOMAIN_OF[name]], ROUTING_DOMAINS, ['t1.example', 't2.example'], []),
      cidrs: fc.subarray(['192.0.2.1/32', '192.0.2.2/32'], { minLength: 1 }),
      password: mostly(false, true),
      check: mostly<'AtRcpt' | 'None'>('AtRcpt', 'None'),
      tenants: fc.subarray(TENANT_IDS),
      organizations: fc.subarray(['o1.example', 'o2.example']),
      authority: mostly(false, true),
    })
    .map(({ created: at, shared, domains, cidrs, password, check, tenants, organizations, authority }) => ({
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
        recipientCheck: check,
        sources: [
          { cidrs },
          ...tenants.map((tenantId) => ({
            exchangeOnline: { tenantId, organizations, ...(authority && { caSecretRef: { name: 'absent' } }) },
          })),
        ],
      }),
    })),
);

interface Parties {
  readonly shared: (typeof SHARED)[number];
  readonly route: (typeof ROUTES)[number];
}

const parties: fc.Arbitrary<Parties> = fc.record({ shared: of(...SHARED), route: of(...ROUTES) });

const address = ({ shared, route }: Parties) =>
  fc
    .record({
      from: of(...LOCAL_PARTS),
      at: mostly<string>(ROUTING_DOMAIN_OF[route], ...ROUTING_DOMAINS),
      to: of(...LOCAL_PARTS),
      in: mostly<string>(SHARED_DOMAIN_OF[shared], ...SHARED_DOMAINS),
    })
    .map((row) => ({ internal: `${row.from}@${row.at}`, external: `${row.to}@${row.in}` }));

const content = (between: Parties) =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.array(address(between), { minLength: 1, maxLength: 4 }).map((addresses) => ({ addresses })),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(of('good', 'good', 'mixed', 'absent', 'unknown'), { minLength: 1, maxLength: 2 })
        .map((names) => ({ addressesFrom: names.map((name) => ({ configMapKeyRef: { name, key: 'users.csv' } })) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          internal: mostly<string>(ROUTING_DOMAIN_OF[between.route], ...ROUTING_DOMAINS),
          external: mostly<string>(SHARED_DOMAIN_OF[between.shared], ...SHARED_DOMAINS),
          subdomains: of('Exclude', 'Include'),
        })
        .map((domain) => ({ domain })),
    },
  );

export const rewriteRule: fc.Arbitrary<Resource> = parties.chain((between) =>
  fc
    .record({
      name: of(...RULES),
      created,
      direction: of(undefined, 'Both', 'OutboundOnly', 'InboundOnly'),
      onlyTo: of(undefined, undefined, ['p1.example'], ['p1.example', 'p2.example']),
      mode: of('Enforce', 'Enforce', 'Audit'),
      rows: content(between),
    })
    .map(({ name, created: at, direction, onlyTo, mode, rows }) => ({
      apiVersion: API_VERSION,
      kind: 'RewriteRule',
      metadata: metadata(name, at),
      spec: rewriteRuleSpec.parse({
        sharedDomainRef: { name: between.shared },
        tenantRouteRef: { name: between.route },
        mode,
        ...rows,
        ...(direction !== undefined && { direction }),
        ...(onlyTo && { onlyTo: { domains: onlyTo } }),
      }),
    })),
);

const named = (resources: fc.Arbitrary<Resource>, maxLength: number) =>
  fc.uniqueArray(resources, { selector: ({ metadata: { name } }) => name, minLength: maxLength - 1, maxLength });

interface Pair {
  readonly internal: string;
  readonly external: string;
}

const csv = (rows: fc.Arbitrary<Pair>): fc.Arbitrary<LookupResult> =>
  fc.array(rows, { maxLength: 4 }).map((pairs) => {
    const lines = pairs.map(({ internal, external }) =>
      [internal, external].map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','),
    );
    const text = ['InternalAddress,ExternalAddress', ...lines].join('\n');
    return { data: { 'users.csv': new TextEncoder().encode(text) } };
  });

const rowOfDomain: fc.Arbitrary<Pair> = fc.record({
  internal: of('*.t1.example', 't1.example', '*.sub.t1.example', 'no domain', 'Ann@T1.example'),
  external: of('shared1.example', 'bob@shared1.example'),
});

export const table: fc.Arbitrary<LookupResult> = fc.oneof(
  csv(address({ shared: 's1', route: 'r1' })),
  of<LookupResult>('missing', 'unknown'),
);
const mixed = csv(fc.oneof(address({ shared: 's1', route: 'r1' }), rowOfDomain));

export const world: fc.Arbitrary<World> = fc
  .record({
    sharedDomains: named(sharedDomain, SHARED.length),
    routes: named(tenantRoute, ROUTES.length),
    rules: named(rewriteRule, RULES.length),
    good: table,
    mixed,
  })
  .map(({ sharedDomains, routes, rules, good, mixed: other }) => ({
    resources: [fleet, ...sharedDomains, ...routes, ...rules],
    tables: { good, mixed: other, unknown: 'unknown' },
  }));
