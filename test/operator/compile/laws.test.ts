/**
 * Laws of compile that hold in any world of resources: order, repetition, ownership, and that nothing is refused for
 * good by accident.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mailboxKey, parseMailbox } from '../../../relay/core/address.ts';
import type { RelayConfig } from '../../../relay/core/config.ts';
import { compile } from '../../../operator/compile/compile.ts';
import type { CompileResult } from '../../../operator/compile/result.ts';
import { bounces } from './bounces.ts';
import { inputOf, rewriteRule, sharedDomain, tenantRoute, type World, world } from './universe.ts';

function configOf(result: CompileResult): RelayConfig {
  const config = result.fleets[0]?.config;
  if (config === undefined) throw new Error('every world has a fleet');
  return config;
}

/** Shared addresses that rules of the world speak of: valid rows of rules in force whose external side receives. */
function sharedAddresses({ resources }: World): string[] {
  const domains = new Map(
    resources.flatMap((each) =>
      each.kind === 'SharedDomain' ? [[each.metadata.name, each.spec.domain] as const] : [],
    ),
  );
  return resources.flatMap((each) => {
    if (each.kind !== 'RewriteRule' || each.spec.mode === 'Audit' || each.spec.direction === 'OutboundOnly') return [];
    const domain = domains.get(each.spec.sharedDomainRef.name);
    const externals = (each.spec.addresses ?? []).map(({ external }) => external);
    return externals.filter((external) => domain !== undefined && external.endsWith(`@${domain}`));
  });
}

/** Shared addresses that rules in force resolve. */
function resolvedIn({ rewriteRules }: RelayConfig): string[] {
  return rewriteRules
    .filter(({ mode }) => mode === 'Enforce')
    .flatMap(({ addresses }) =>
      addresses.flatMap(([, external, direction]) => (direction === 'OutboundOnly' ? [] : [external])),
    );
}

function addressesIn({ rewriteRules }: RelayConfig): string[] {
  return rewriteRules.flatMap(({ name, addresses }) => addresses.map((row) => `${name}: ${row.join(' ')}`));
}

function key(address: string): string {
  const parsed = parseMailbox(address);
  return parsed.ok ? mailboxKey(parsed.value) : address;
}

describe('compile', () => {
  it('does not depend on the order of resources', () => {
    const shuffled = world.chain((each) =>
      fc
        .shuffledSubarray([...each.resources], { minLength: each.resources.length })
        .map((resources) => [each, { ...each, resources }] as const),
    );
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(compile(inputOf(other))).toEqual(compile(inputOf(one)));
      }),
    );
  });

  it('changes nothing when its outcome is what runs', () => {
    fc.assert(
      fc.property(world, (each) => {
        const first = compile(inputOf(each));
        const again = compile(inputOf(each, { running: first.fleets, tombstones: first.tombstones }));
        expect(again).toEqual(first);
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing either after a change has settled', () => {
    fc.assert(
      fc.property(world, world, (before, after) => {
        const first = compile(inputOf(before));
        const second = compile(inputOf(after, { running: first.fleets, tombstones: first.tombstones }));
        const third = compile(inputOf(after, { running: second.fleets, tombstones: second.tombstones }));
        expect(third).toEqual(second);
      }),
      { numRuns: 500 },
    );
  });

  it('gives every address one meaning', () => {
    fc.assert(
      fc.property(world, (each) => {
        const inbound = new Map<string, Set<string>>();
        const outbound = new Map<string, Set<string>>();
        for (const { addresses, mode, onlyTo = ['*'], tenantRoute: route } of configOf(compile(inputOf(each)))
          .rewriteRules) {
          for (const [internal, external, direction] of addresses) {
            const add = (map: Map<string, Set<string>>, from: string, to: string) =>
              map.set(from, (map.get(from) ?? new Set()).add(to));
            if (direction !== 'OutboundOnly') add(inbound, `${mode} ${key(external)}`, `${route} ${key(internal)}`);
            if (direction === 'InboundOnly') continue;
            for (const scope of onlyTo) add(outbound, `${mode} ${scope} ${key(internal)}`, key(external));
          }
        }
        const meanings = [...inbound.values(), ...outbound.values()];
        expect(meanings.filter(({ size }) => size > 1)).toEqual([]);
      }),
    );
  });

  it('lets one route of a fleet be proven by a tenant id or an organization', () => {
    fc.assert(
      fc.property(world, world, (before, after) => {
        const first = compile(inputOf(before));
        const { tenantRoutes } = configOf(
          compile(inputOf(after, { running: first.fleets, tombstones: first.tombstones })),
        );
        const proofs = tenantRoutes.flatMap(({ name, sources }) => {
          const demands = sources.flatMap(({ exchangeOnline }) => exchangeOnline ?? []);
          const ids = demands.flatMap(({ tenantId, organizations }) => [tenantId, ...organizations]);
          return [...new Set(ids)].map((id) => ({ id, name }));
        });
        expect(new Set(proofs.map(({ id }) => id)).size).toBe(proofs.length);
      }),
    );
  });

  it('asks only tenants in force that take part and refuse unknown recipients', () => {
    let asked = 0;
    fc.assert(
      fc.property(world, (each) => {
        const { sharedDomains, tenantRoutes } = configOf(compile(inputOf(each)));
        for (const { domain, unresolvedRecipients } of sharedDomains) {
          if (unresolvedRecipients.action !== 'Discover') continue;
          for (const name of unresolvedRecipients.order) {
            asked += 1;
            const route = tenantRoutes.find((one) => one.name === name);
            expect(route?.sharedDomains).toContain(domain);
            expect(route?.recipientCheck).toBe('AtRcpt');
            expect(route?.domains).not.toEqual([]);
          }
        }
      }),
      // In few worlds all that Discover needs comes together.
      { numRuns: 2000 },
    );
    expect(asked).toBeGreaterThan(0);
  });

  it('keeps every rule within its tenant and its shared domain', () => {
    fc.assert(
      fc.property(world, (each) => {
        const config = configOf(compile(inputOf(each)));
        for (const rule of config.rewriteRules) {
          const route = config.tenantRoutes.find(({ name }) => name === rule.tenantRoute);
          expect(route?.sharedDomains).toContain(rule.sharedDomain);
          for (const [internal, external] of rule.addresses) {
            expect(route?.domains).toContain(internal.slice(internal.lastIndexOf('@') + 1));
            expect(external.endsWith(`@${rule.sharedDomain}`)).toBe(true);
          }
          for (const row of rule.domains) expect(row.external).toBe(rule.sharedDomain);
        }
        const domains = config.tenantRoutes.flatMap((route) => route.domains);
        expect(new Set(domains).size).toBe(domains.length);
        expect(domains.filter((domain) => config.sharedDomains.some((shared) => shared.domain === domain))).toEqual([]);
      }),
    );
  });

  it('never lets the relay refuse an address for good that any rule speaks of', () => {
    fc.assert(
      fc.property(world, (each) => {
        const config = configOf(compile(inputOf(each)));
        expect(sharedAddresses(each).filter((address) => bounces(config, address))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('holds what a removed resource left behind', () => {
    const removal = world.chain((each) =>
      fc.nat({ max: each.resources.length - 1 }).map((index) => [each, index] as const),
    );
    fc.assert(
      fc.property(removal, ([each, index]) => {
        const before = compile(inputOf(each));
        const rest = each.resources.filter((resource, at) => at !== index || resource.kind === 'RelayFleet');
        const after = compile(
          inputOf({ ...each, resources: rest }, { running: before.fleets, tombstones: before.tombstones }),
        );
        const accepted = resolvedIn(configOf(before));
        expect(accepted.filter((address) => bounces(configOf(before), address))).toEqual([]);
        expect(accepted.filter((address) => bounces(configOf(after), address))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('takes nothing from what runs when something is added', () => {
    fc.assert(
      fc.property(world, fc.oneof(rewriteRule, tenantRoute, sharedDomain), (each, added) => {
        fc.pre(
          !each.resources.some(({ kind, metadata }) => kind === added.kind && metadata.name === added.metadata.name),
        );
        const before = compile(inputOf(each));
        const resources = [...each.resources, added];
        const after = compile(
          inputOf({ ...each, resources }, { running: before.fleets, tombstones: before.tombstones }),
        );
        expect(addressesIn(configOf(after))).toEqual(expect.arrayContaining(addressesIn(configOf(before))));
      }),
      { numRuns: 500 },
    );
  });
});
