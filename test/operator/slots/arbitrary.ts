/** Random configurations for the packer: every kind of part, and texts that must be found again or must not be found. */

import fc from 'fast-check';
import type { Tombstone } from '../../../operator/compile/tombstones.ts';
import type { PackInput } from '../../../operator/slots/pack.ts';
import { DIRECTIONS, type RelayConfig, type RewriteRuleConfig } from '../../../relay/core/config.ts';
import { relayConfig, sharedDomain, tenantRoute } from '../../support/relay-config.ts';

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const localPart = fc.stringMatching(/^[a-z0-9ü]{1,12}$/);
const domain = label.map((name) => `${name}.example`);
const address = fc.tuple(localPart, domain).map(([local, host]) => `${local}@${host}`);
const direction = fc.constantFrom(...DIRECTIONS);

const domainRow = fc.record({
  internal: domain,
  external: domain,
  includeSubdomains: fc.boolean(),
  direction,
  exceptions: fc.array(domain, { maxLength: 2 }),
});

/** Rows of a rule never say the same twice. */
const rows = (maxLength: number) =>
  fc.uniqueArray(fc.tuple(address, address, direction), { maxLength, selector: (row) => row.join(' ') });

const rule: fc.Arbitrary<RewriteRuleConfig> = fc
  .record({
    name: label,
    sharedDomain: domain,
    tenantRoute: label,
    mode: fc.constantFrom('Enforce' as const, 'Audit' as const),
    onlyTo: fc.option(fc.array(domain, { maxLength: 2 }), { nil: undefined }),
    addresses: rows(30),
    domains: fc.array(domainRow, { maxLength: 3 }),
    /** How often its rows are repeated under other names: rules of several parts. */
    times: fc.constantFrom(1, 1, 1, 100),
  })
  .map(({ times, onlyTo, addresses, ...rest }) => ({
    ...rest,
    ...(onlyTo && { onlyTo }),
    addresses: Array.from({ length: times }, (_, at) =>
      addresses.map(([internal, external, way]): [string, string, typeof way] => [
        at === 0 ? internal : `${at}.${internal}`,
        external,
        way,
      ]),
    ).flat(),
  }));

const named = <T extends { readonly name: string }>(one: fc.Arbitrary<T>, maxLength: number) =>
  fc
    .uniqueArray(one, { maxLength, selector: ({ name }) => name })
    .map((all) => all.sort((a, b) => (a.name < b.name ? -1 : 1)));

const grave = { namespace: fc.constant('mail'), fleet: fc.constant('default'), expiresAt: fc.nat() };
const route = label.map((name) => tenantRoute(name));
const shared = label.map((name) => sharedDomain({ name, domain: `${name}.example` }));

const tombstones: fc.Arbitrary<Tombstone[]> = fc
  .tuple(named(rule, 3), named(route, 2), named(shared, 2), fc.record(grave))
  .map(([rules, routes, domains, base]) => [
    ...rules.map((was): Tombstone => ({ ...base, name: was.name, kind: 'RewriteRule', was })),
    ...domains.map((was): Tombstone => ({ ...base, name: was.name, kind: 'SharedDomain', was })),
    ...routes.map((was): Tombstone => ({ ...base, name: was.name, kind: 'TenantRoute', was })),
  ]);

const heldAddresses = fc.uniqueArray(address, { maxLength: 20 }).map((all) => all.sort());

const config: fc.Arbitrary<RelayConfig> = fc
  .record({
    rewriteRules: named(rule, 6),
    tenantRoutes: named(route, 4),
    sharedDomains: named(shared, 4),
    addresses: heldAddresses,
    domains: fc.array(domain, { maxLength: 3 }),
    revision: fc.stringMatching(/^[0-9a-f]{8}$/),
  })
  .map(({ addresses, domains, revision, ...parts }) => ({
    ...relayConfig({ ...parts, held: { addresses, domains } }),
    revision,
  }));

const credentials = fc
  .dictionary(fc.stringMatching(/^[0-9a-f]{8}$/), fc.stringMatching(/^SECRET [ -~]{10,60}$/), { maxKeys: 4 })
  .map((all) => new Map(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))));

export const packInput: fc.Arbitrary<PackInput> = fc
  .tuple(config, credentials, tombstones, fc.func(fc.boolean()))
  .map(([one, secrets, graves, isConfidential]) => {
    const names = [...one.rewriteRules, ...graves].map(({ name }) => name);
    const confidentialRules = new Set(names.filter((name) => isConfidential(name)));
    return { config: one, credentials: secrets, confidentialRules, tombstones: graves };
  });
