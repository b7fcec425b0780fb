/** A small world of resources for the compiling thread, and what to read off of what it gives. */

import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { relayFleetSpec } from '../../../crds/v1alpha1/relay-fleet.ts';
import { rewriteRuleSpec } from '../../../crds/v1alpha1/rewrite-rule.ts';
import { sharedDomainSpec } from '../../../crds/v1alpha1/shared-domain.ts';
import { tenantRouteSpec } from '../../../crds/v1alpha1/tenant-route.ts';
import type { Change, Compilation, CompiledFleet } from '../../../operator/compilation/compiler.ts';
import { unpackStored } from '../../../operator/slots/unpack.ts';

export const KEY = 'of the tests';

export const resource = (
  kind: 'RelayFleet' | 'SharedDomain' | 'TenantRoute' | 'RewriteRule',
  name: string,
  spec: unknown,
) =>
  ({
    type: 'resource',
    resource: { apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { namespace: 'mail', name }, spec },
  }) as Change;

export const fleetWith = (spec: object) =>
  resource('RelayFleet', 'default', relayFleetSpec.parse({ hostname: 'relay.example', ...spec }));
export const FLEET = fleetWith({});
export const DOMAIN = resource('SharedDomain', 'shared', sharedDomainSpec.parse({ domain: 'shared.example' }));
export const route = (more: object = {}) =>
  resource(
    'TenantRoute',
    'tenant',
    tenantRouteSpec.parse({
      sharedDomainRefs: [{ name: 'shared' }],
      domains: ['tenant.example'],
      nextHop: { hosts: [{ host: 'mail.tenant.example', port: 2525 }] },
      ...more,
    }),
  );
export const rule = (name: string, content: object) =>
  resource(
    'RewriteRule',
    name,
    rewriteRuleSpec.parse({ sharedDomainRef: { name: 'shared' }, tenantRouteRef: { name: 'tenant' }, ...content }),
  );
export const pairs = (...names: string[]) => ({
  addresses: names.map((name) => ({ internal: `${name}@tenant.example`, external: `${name}@shared.example` })),
});
export const table = (kind: 'ConfigMap' | 'Secret', name: string, ...names: string[]): Change => {
  const lines = names.map((each) => `${each}@tenant.example,${each}@shared.example`);
  const text = ['InternalAddress,ExternalAddress', ...lines].join('\n');
  return { type: 'data', kind, namespace: 'mail', name, found: { data: { 'users.csv': Buffer.from(text) } } };
};

export const WORLD = [FLEET, DOMAIN, route(), rule('people', pairs('ann', 'bob')), rule('others', pairs('cid'))];

export function fleetOf({ fleets }: Compilation): CompiledFleet {
  const [fleet] = fleets;
  if (fleet === undefined || fleets.length > 1) throw new Error(`${fleets.length} fleets`);
  return fleet;
}

export function stored({ pieces, memory, revision }: CompiledFleet) {
  const octets = (all: CompiledFleet['pieces']) => all.map(({ bytes }) => bytes);
  return { namespace: 'mail', name: 'default', revision, pieces: octets(pieces), memory: octets(memory) };
}

export function configOf(fleet: CompiledFleet) {
  const { pieces, memory, revision } = stored(fleet);
  const unpacked = unpackStored(pieces, memory, revision, KEY);
  if (!unpacked.ok) throw new Error(unpacked.reason);
  return unpacked.config;
}

export function expectInSecrets(fleets: readonly CompiledFleet[], address: string): void {
  for (const { pieces, memory } of fleets) {
    const texts = (secret: boolean) =>
      [...pieces, ...memory]
        .filter(({ slot }) => slot.startsWith('s') === secret)
        .map(({ bytes }) => gunzipSync(bytes).toString());
    expect(texts(true).join()).toContain(address);
    expect(texts(false).join()).not.toContain(address);
  }
}

export const conditionOf = ({ statuses }: Compilation, name: string, type: string) =>
  statuses.find((status) => status.name === name)?.conditions.find((condition) => condition.type === type);
