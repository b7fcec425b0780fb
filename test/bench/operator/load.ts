/** The operator's design load, the same for the same seed: tenants, their tables of addresses, and rules beside them. */

import { rewriteRuleSpec } from '../../../crds/v1alpha1/rewrite-rule.ts';
import { relayFleetSpec } from '../../../crds/v1alpha1/relay-fleet.ts';
import { sharedDomainSpec } from '../../../crds/v1alpha1/shared-domain.ts';
import { tenantRouteSpec } from '../../../crds/v1alpha1/tenant-route.ts';
import type { Change } from '../../../operator/compilation/compiler.ts';
import type { Resource } from '../../../operator/compile/input.ts';

export interface LoadSize {
  readonly tenants: number;
  /** Of all tables together; each tenant has one. */
  readonly addresses: number;
  /** Those with a table included. */
  readonly rules: number;
}

/** For parseArgs: the design load, and how often each change is tried. */
export const LOAD_OPTIONS = {
  tenants: { type: 'string', default: '1000' },
  addresses: { type: 'string', default: '1000000' },
  rules: { type: 'string', default: '5000' },
  rounds: { type: 'string', default: '5' },
  seed: { type: 'string', default: '1' },
  help: { type: 'boolean', default: false },
} as const;

export const sizeOf = (values: Readonly<Record<keyof LoadSize, string>>): LoadSize => ({
  tenants: Number(values.tenants),
  addresses: Number(values.addresses),
  rules: Number(values.rules),
});

export const NAMESPACE = 'mail';
const SHARED_DOMAINS = 10;
const NAMES = ['ann', 'bob', 'cid', 'dora', 'emil', 'frieda', 'gustav', 'hanna', 'ivan', 'johanna', 'karl', 'lena'];

export class Load {
  readonly #size: LoadSize;
  readonly #seed: number;
  /** Names that are not what the seed made them: tenant and row. */
  readonly #changed = new Map<string, string>();

  constructor(size: LoadSize, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  /** Everything, in batches as watches would bring it. */
  *all(): Generator<Change[]> {
    const { tenants, rules } = this.#size;
    yield [change('RelayFleet', 'default', relayFleetSpec.parse({ hostname: 'relay.shared0.example' }))];
    yield Array.from({ length: SHARED_DOMAINS }, (_, at) =>
      change('SharedDomain', `shared${at}`, sharedDomainSpec.parse({ domain: sharedDomain(at) })),
    );
    yield Array.from({ length: tenants }, (_, tenant) => this.#route(tenant));
    yield Array.from({ length: tenants }, (_, tenant) => tableRule(tenant));
    yield Array.from({ length: Math.max(0, rules - tenants) }, (_, at) => this.aliasRule(at, 'alias'));
    for (let tenant = 0; tenant < tenants; tenant++) yield [this.#table(tenant)];
  }

  /** A rule of two further addresses for one person; `prefix` tells one version of it from another. */
  aliasRule(at: number, prefix: string): Change {
    const tenant = at % this.#size.tenants;
    const alias = (which: string) => ({
      internal: `${prefix}${at}@${routingDomain(tenant)}`,
      external: `${prefix}${at}.${which}@${sharedDomain(tenant)}`,
    });
    return rule(`alias${at}`, tenant, { addresses: [alias('sales'), alias('office')], direction: 'InboundOnly' });
  }

  /** The table of a tenant with one row changed. */
  changeRow(tenant: number, row: number, name: string): Change {
    this.#changed.set(`${tenant} ${row}`, name);
    return this.#table(tenant);
  }

  /** Made anew each time: a million names in this process would be measured as the operator's. */
  #people(tenant: number): string[] {
    const { tenants, addresses } = this.#size;
    const random = mulberry32(this.#seed * 7919 + tenant);
    const pick = () => NAMES[Math.floor(random() * NAMES.length)];
    const count = Math.floor((addresses * (tenant + 1)) / tenants) - Math.floor((addresses * tenant) / tenants);
    return Array.from({ length: count }, (_, at) => {
      const name = `${pick()}.${pick()}${at}`;
      return this.#changed.get(`${tenant} ${at}`) ?? name;
    });
  }

  #route(tenant: number): Change {
    const spec = tenantRouteSpec.parse({
      sharedDomainRefs: [{ name: `shared${tenant % SHARED_DOMAINS}` }],
      domains: [routingDomain(tenant)],
      nextHop: { hosts: [{ host: `mail.${routingDomain(tenant)}` }] },
      sources: [{ cidrs: [`10.${tenant >> 8}.${tenant & 255}.0/24`] }],
    });
    return change('TenantRoute', `tenant${tenant}`, spec);
  }

  #table(tenant: number): Change {
    const lines = this.#people(tenant).map((name) => {
      const internal = `${name}@${routingDomain(tenant)}`;
      return `${name},${internal},${name}.t${tenant}@${sharedDomain(tenant)}`;
    });
    const text = ['Name,InternalAddress,ExternalAddress', ...lines, ''].join('\r\n');
    const data = { 'users.csv': new TextEncoder().encode(text) };
    const found = { data, resourceVersion: String(text.length) };
    return { type: 'data', kind: 'ConfigMap', namespace: NAMESPACE, name: `users${tenant}`, found };
  }
}

const sharedDomain = (tenant: number) => `shared${tenant % SHARED_DOMAINS}.example`;
const routingDomain = (tenant: number) => `tenant${tenant}.example`;

function tableRule(tenant: number): Change {
  return rule(`people${tenant}`, tenant, {
    addressesFrom: [{ configMapKeyRef: { name: `users${tenant}`, key: 'users.csv' } }],
  });
}

function rule(name: string, tenant: number, content: object): Change {
  const spec = rewriteRuleSpec.parse({
    sharedDomainRef: { name: `shared${tenant % SHARED_DOMAINS}` },
    tenantRouteRef: { name: `tenant${tenant}` },
    ...content,
  });
  return change('RewriteRule', name, spec);
}

function change(kind: Resource['kind'], name: string, spec: object): Change {
  const metadata = { namespace: NAMESPACE, name, creationTimestamp: '2026-01-01T00:00:00Z' };
  return { type: 'resource', resource: { apiVersion: 'isthmus.dev/v1alpha1', kind, metadata, spec } as Resource };
}

/** Small, seeded, and good enough to spread names. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
