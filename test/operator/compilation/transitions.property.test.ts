/**
 * Resources that are renamed, moved and swapped arrive one by one and in any order: no address that is there before and
 * after is refused for good in between, given to anybody else, or leaves unrewritten.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relayFleetSpec } from '../../../crds/v1alpha1/relay-fleet.ts';
import { rewriteRuleSpec } from '../../../crds/v1alpha1/rewrite-rule.ts';
import { sharedDomainSpec } from '../../../crds/v1alpha1/shared-domain.ts';
import { tenantRouteSpec } from '../../../crds/v1alpha1/tenant-route.ts';
import type { Change, CompiledFleet } from '../../../operator/compilation/compiler.ts';
import { Workshop } from '../../../operator/compilation/workshop.ts';
import type { RelayConfig } from '../../../relay/core/config.ts';
import { bounces } from '../compile/bounces.ts';
import { configOf, KEY, stored } from './small-world.ts';

type Kind = 'RelayFleet' | 'SharedDomain' | 'TenantRoute' | 'RewriteRule';

/** What may be another afterwards; everything else stays. */
interface Layout {
  readonly shared: string;
  readonly routes: readonly [string, string];
  readonly rules: readonly [string, string];
  readonly table: string;
  readonly tableKind: 'ConfigMap' | 'Secret';
  readonly fleet: string;
  /** The tenants' routing domains change places. */
  readonly swapped: boolean;
  /** People of the first rule move to the second tenant. */
  readonly moved: boolean;
  /** The two shared domains change names: each resource is deleted and made anew, as its domain cannot change. */
  readonly renamed: boolean;
}

const BEFORE: Layout = {
  shared: 'shared',
  routes: ['t1', 't2'],
  rules: ['r1', 'r2'],
  table: 'users',
  tableKind: 'ConfigMap',
  fleet: 'a',
  swapped: false,
  moved: false,
  renamed: false,
};
const PEOPLE = [
  ['ann', 'bob'],
  ['cid', 'dora'],
] as const;
const OTHER = 'eve@other.example';
/** In no rule: the domain's authority knows them. */
const AUTHORITY = 'frank@shared.example';
const EXTERNAL = [...PEOPLE.flat().map((name) => `${name}@shared.example`), OTHER, AUTHORITY];

function internal(layout: Layout, rule: 0 | 1, name: string): string {
  const tenant = rule === 0 && layout.moved ? 1 : rule;
  return `${name}@${(tenant === 0) === layout.swapped ? 't2' : 't1'}.example`;
}

function meaning(layout: Layout): Map<string, string> {
  const people = PEOPLE.flatMap((names, rule) =>
    names.map((name) => [`${name}@shared.example`, internal(layout, rule as 0 | 1, name)] as const),
  );
  return new Map([...people, [OTHER, internal(layout, 1, 'eve')]]);
}

/** By key: what is told when it is there. */
function world(layout: Layout): Map<string, Change> {
  const changes = new Map<string, Change>();
  const add = (kind: Kind, name: string, spec: unknown) =>
    changes.set(`${kind}/${name}`, {
      type: 'resource',
      resource: { apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { namespace: 'mail', name }, spec },
    } as Change);
  for (const name of ['a', 'b']) add('RelayFleet', name, relayFleetSpec.parse({ hostname: 'relay.example' }));
  const fleetRef = { name: layout.fleet };
  const [shared, other] = layout.renamed ? ['other', layout.shared] : [layout.shared, 'other'];
  const unresolvedRecipients = { action: 'Route', tenantRouteRef: { name: layout.routes[0] } };
  add('SharedDomain', shared, sharedDomainSpec.parse({ domain: 'shared.example', fleetRef, unresolvedRecipients }));
  add('SharedDomain', other, sharedDomainSpec.parse({ domain: 'other.example', fleetRef }));
  for (const [at, name] of layout.routes.entries()) {
    const domains = [(at === 0) === layout.swapped ? 't2.example' : 't1.example'];
    const nextHop = { hosts: [{ host: `mail.${name}.example` }] };
    const sharedDomainRefs = [{ name: shared }, { name: other }];
    add('TenantRoute', name, tenantRouteSpec.parse({ sharedDomainRefs, domains, nextHop }));
  }
  const refs = (route: string) => ({ sharedDomainRef: { name: shared }, tenantRouteRef: { name: route } });
  const row = (rule: 0 | 1) => (name: string) => ({
    internal: internal(layout, rule, name),
    external: `${name}@shared.example`,
  });
  const [r1, r2] = layout.rules;
  const ofFirst = layout.routes[layout.moved ? 1 : 0];
  add('RewriteRule', r1, rewriteRuleSpec.parse({ ...refs(ofFirst), addresses: PEOPLE[0].map(row(0)) }));
  const eve = { internal: internal(layout, 1, 'eve'), external: OTHER };
  const refsOfEve = { ...refs(layout.routes[1]), sharedDomainRef: { name: other } };
  add('RewriteRule', 'r3', rewriteRuleSpec.parse({ ...refsOfEve, addresses: [eve] }));
  const keyRef = { name: layout.table, key: 'users.csv' };
  const from = layout.tableKind === 'Secret' ? { secretKeyRef: keyRef } : { configMapKeyRef: keyRef };
  add('RewriteRule', r2, rewriteRuleSpec.parse({ ...refs(layout.routes[1]), addressesFrom: [from] }));
  const lines = PEOPLE[1].map(row(1)).map((each) => `${each.internal},${each.external}`);
  const text = ['InternalAddress,ExternalAddress', ...lines].join('\n');
  changes.set(`${layout.tableKind}/${layout.table}`, {
    type: 'data',
    kind: layout.tableKind,
    namespace: 'mail',
    name: layout.table,
    found: { data: { 'users.csv': Buffer.from(text) } },
  });
  return changes;
}

function goneChange(key: string): Change {
  const [kind = '', name = ''] = key.split('/');
  if (kind === 'Secret' || kind === 'ConfigMap')
    return { type: 'data', kind, namespace: 'mail', name, found: 'missing' };
  return { type: 'gone', kind: kind as Kind, namespace: 'mail', name };
}

const different = <T>(one: T, other: T) => fc.constantFrom(one, other);
const after: fc.Arbitrary<Layout> = fc.record({
  shared: different('shared', 'shared-x'),
  routes: fc.tuple(different('t1', 't1-x'), different('t2', 't2-x')),
  rules: fc.tuple(different('r1', 'r1-x'), different('r2', 'r2-x')),
  table: different('users', 'users-x'),
  tableKind: different<'ConfigMap' | 'Secret'>('ConfigMap', 'Secret'),
  fleet: different('a', 'b'),
  swapped: different(false, true),
  moved: different(false, true),
  renamed: different(false, true),
});

interface Step {
  readonly key: string;
  /** What is deleted to be made anew. */
  readonly gone: boolean;
  /** What is compiled after it becomes proven. */
  readonly proven: boolean;
  /** The operator has started anew before. */
  readonly restart: boolean;
}

const rarely = fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

type Move = Pick<Step, 'key' | 'gone'>;

/** Whatever is made anew is deleted before. */
function goneFirst(moves: readonly Move[]): Move[] {
  const seen = new Set<string>();
  return moves.map((move) => {
    const twice = moves.filter(({ key }) => key === move.key).length === 2;
    const gone = twice && !seen.has(move.key);
    seen.add(move.key);
    return { key: move.key, gone };
  });
}

const transition = after.chain((layout) => {
  const [from, to] = [world(BEFORE), world(layout)];
  const keys = [...new Set([...from.keys(), ...to.keys()])].filter(
    (key) => JSON.stringify(from.get(key)) !== JSON.stringify(to.get(key)),
  );
  const anew = layout.renamed ? keys.filter((key) => key.startsWith('SharedDomain/') && from.has(key)) : [];
  const moves = [...keys.map((key) => ({ key, gone: false })), ...anew.map((key) => ({ key, gone: true }))];
  const steps: fc.Arbitrary<Step[]> = fc
    .shuffledSubarray(moves, { minLength: moves.length })
    .chain((ordered) =>
      fc.tuple(
        ...goneFirst(ordered).map(({ key, gone }) =>
          fc.record({ key: fc.constant(key), gone: fc.constant(gone), proven: fc.boolean(), restart: rarely }),
        ),
      ),
    );
  return fc.record({ layout: fc.constant(layout), steps });
});

const MISSING: Change[] = (['Secret', 'ConfigMap'] as const).flatMap((kind) =>
  ['users', 'users-x'].map((name): Change => ({ type: 'data', kind, namespace: 'mail', name, found: 'missing' })),
);

function keyOf(change: Change): string {
  return change.type === 'data' ? `${change.kind}/${change.name}` : '';
}

const rowsOf = ({ rewriteRules }: RelayConfig) => rewriteRules.flatMap(({ addresses }) => addresses);

function leavesUnrewritten({ held, ...config }: RelayConfig, address: string): boolean {
  const domain = address.slice(address.indexOf('@') + 1);
  // Whoever is no tenant's here sends nothing as one.
  if (!config.tenantRoutes.some(({ domains }) => domains.includes(domain))) return false;
  const isHeld = held.addresses.includes(address) || held.unreadableTenantDomains.includes(domain);
  return !isHeld && !rowsOf({ held, ...config }).some(([from]) => from === address);
}

/** What an operator knows, what it has stored, and what it is told again when it starts anew. */
class Operator {
  readonly #told = new Map<string, Change>();
  readonly #stored = new Map<string, CompiledFleet>();
  #workshop = new Workshop({ credentialKey: KEY, domains: [] });

  tell(key: string, change: Change): void {
    this.#told.set(key, change);
    this.#workshop.update([change]);
  }

  compile(now: number): readonly CompiledFleet[] {
    return this.#workshop.compile(now).fleets;
  }

  prove(fleets: readonly CompiledFleet[]): void {
    for (const fleet of fleets) {
      this.#stored.set(fleet.name, fleet);
      this.#workshop.inForce('mail', fleet.name, fleet.revision);
    }
  }

  restart(): void {
    this.#workshop = new Workshop({ credentialKey: KEY, domains: [] });
    for (const [name, fleet] of this.#stored) {
      const restored = this.#workshop.restore({ ...stored(fleet), name });
      if (!restored.ok) throw new Error(restored.reason);
    }
    this.#workshop.update([...this.#told.values()]);
  }
}

describe('resources that arrive one by one', () => {
  it('refuse no address for good that is there before and after, and give it to nobody else', {
    timeout: 300_000,
  }, () => {
    fc.assert(
      fc.property(transition, ({ layout, steps }) => {
        const operator = new Operator();
        for (const change of MISSING) operator.tell(keyOf(change), change);
        for (const [key, change] of world(BEFORE)) operator.tell(key, change);
        operator.prove(operator.compile(0));
        const [was, becomes, to] = [meaning(BEFORE), meaning(layout), world(layout)];
        const stays = [...was].filter(([external, from]) => becomes.get(external) === from).map(([, from]) => from);
        for (const [at, { key, gone, proven, restart }] of steps.entries()) {
          if (restart) operator.restart();
          operator.tell(key, gone ? goneChange(key) : (to.get(key) ?? goneChange(key)));
          const fleets = operator.compile(at * 1000);
          for (const fleet of fleets) {
            const config = configOf(fleet);
            for (const [from, shared] of rowsOf(config)) expect([was.get(shared), becomes.get(shared)]).toContain(from);
            if (fleet.name === 'b') continue;
            expect(EXTERNAL.filter((address) => bounces(config, address))).toEqual([]);
            expect(stays.filter((address) => leavesUnrewritten(config, address))).toEqual([]);
          }
          if (proven) operator.prove(fleets);
        }
      }),
      { numRuns: 100 },
    );
  });
});
