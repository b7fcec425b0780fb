/** The resources that a test's fleet begins with: one shared domain, two tenants, and the internet behind a smart host. */

import { configMap, relayFleet, rewriteRule, secret, sharedDomain } from '../operator/seen.ts';
import { PLACES, type PlaceName } from './sinks.ts';
import { sharedOf, TENANT_CLIENT, USERS, userOf } from './traffic.ts';

export const FLEET = 'default';
/** How long a pod that ends stays ready, and how long its sessions may then go on: a test has no 35 and 60 s. */
export const LAME_DUCK_SECONDS = 5;
export const DRAIN_SECONDS = 25;
export const SELECTOR = 'isthmus';

const AUTHORITY = { caSecretRef: { name: 'test-ca' } };

const nextHop = (place: PlaceName) => ({
  hosts: [{ host: `${PLACES[place].host}.${PLACES[place].zone}`, port: 25 }],
  tls: { mode: 'Verified', ...AUTHORITY },
});

const FLEET_SPEC = {
  ...{ hostname: 'relay.shared.example', lameDuckSeconds: LAME_DUCK_SECONDS, drainSeconds: DRAIN_SECONDS },
  tls: { secretRef: { name: 'relay-tls' } },
  outbound: { route: 'SmartHost', smartHost: nextHop('world') },
  // All of the load comes from two addresses.
  limits: { connectionsPerClient: 1000, messagesPerMinutePerClient: 100_000 },
  resources: { requests: { cpu: '20m', memory: '96Mi' } },
};

const route = (name: 'tenant1' | 'tenant2', source: object) => ({
  apiVersion: 'isthmus.dev/v1alpha1',
  kind: 'TenantRoute',
  metadata: { name },
  spec: {
    sharedDomainRefs: [{ name: 'shared' }],
    domains: [PLACES[name].zone],
    nextHop: nextHop(name),
    sources: [source],
  },
});

export const usersCsv = (users = USERS): string =>
  [
    'Name,InternalAddress,ExternalAddress',
    ...Array.from({ length: users }, (_, user) => `User ${user},${userOf(user)},${sharedOf(user)}`),
    '',
  ].join('\n');

export const addressRule = (name: string, internal: string, external: string) =>
  rewriteRule(name, {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: internal.endsWith('@tenant1.example') ? 'tenant1' : 'tenant2' },
    addresses: [{ internal, external }],
  });

export const dkimKeys = (selector: string, secretName: string) => [
  { selector, secretRef: { name: secretName }, state: 'Active' },
];

export const tlsSecret = (name: string, { certificate, key }: { certificate: string; key: string }) => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/tls' },
  stringData: { 'tls.crt': certificate, 'tls.key': key },
});

export interface Keys {
  readonly authority: string;
  readonly dkim: string;
  readonly relay: { readonly certificate: string; readonly key: string };
}

export const beginning = (keys: Keys, fleet: Readonly<Record<string, unknown>>): readonly object[] => [
  secret('test-ca', { 'ca.crt': keys.authority }),
  secret('shared-dkim', { 'private.key': keys.dkim }),
  tlsSecret('relay-tls', keys.relay),
  relayFleet(FLEET, { ...FLEET_SPEC, ...fleet }),
  sharedDomain('shared', {
    domain: 'shared.example',
    postmaster: userOf(0),
    dkim: dkimKeys(SELECTOR, 'shared-dkim'),
  }),
  // Nothing else makes mail from that address tenant 1's: the relay must see who connects.
  route('tenant1', { cidrs: [`${TENANT_CLIENT}/32`] }),
  route('tenant2', { cidrs: ['192.0.2.0/24'] }),
  configMap('tenant1-users', { 'users.csv': usersCsv() }),
  rewriteRule('tenant1-users', {
    sharedDomainRef: { name: 'shared' },
    tenantRouteRef: { name: 'tenant1' },
    addressesFrom: [{ configMapKeyRef: { name: 'tenant1-users', key: 'users.csv' } }],
  }),
  addressRule('changing', 'changing@tenant1.example', 'changed0@shared.example'),
  addressRule('mary', 'mjones@tenant2.example', 'mary.jones@shared.example'),
];
