/** RelayConfigs for tests of the relay: whole and valid, with only what a test speaks of written out. */

import type {
  HeldConfig,
  NextHopConfig,
  RelayConfig,
  SharedDomainConfig,
  TenantRouteConfig,
} from '../../relay/core/config.ts';

export function nextHop(over: Partial<NextHopConfig> = {}): NextHopConfig {
  return {
    hosts: [{ host: '127.0.0.1', port: 25 }],
    tls: { mode: 'Opportunistic' },
    addressFamily: 'Any',
    limits: {},
    ...over,
  };
}

export function tenantRoute(name: string, over: Partial<TenantRouteConfig> = {}): TenantRouteConfig {
  return {
    name,
    generation: '1',
    sharedDomains: ['shared.example'],
    domains: [`${name}.example`],
    nextHop: nextHop(),
    sources: [],
    fromInternet: 'Refuse',
    ...over,
  };
}

export function sharedDomain(over: Partial<SharedDomainConfig> = {}): SharedDomainConfig {
  return {
    domain: 'shared.example',
    name: 'shared',
    unresolvedRecipients: { action: 'Reject' },
    recipientHeaders: 'Preserve',
    inboundTlsRequired: false,
    stripHeaders: 'Default',
    signedMessages: 'RewriteOuter',
    dkim: [],
    ...over,
  };
}

export interface ConfigParts {
  readonly fleet?: Partial<RelayConfig['fleet']>;
  readonly limits?: Partial<RelayConfig['fleet']['limits']>;
  readonly sharedDomains?: RelayConfig['sharedDomains'];
  readonly tenantRoutes?: RelayConfig['tenantRoutes'];
  readonly rewriteRules?: RelayConfig['rewriteRules'];
  readonly held?: Partial<HeldConfig>;
}

export function relayConfig(parts: ConfigParts = {}): RelayConfig {
  return {
    format: 1,
    revision: 'test',
    fleet: {
      name: 'default',
      hostname: 'relay.shared.example',
      postmaster: 'postmaster@tenant1.example',
      tls: { minVersion: 'TLSv1.2' },
      outbound: { route: 'SmartHost', smartHost: nextHop(), dnsServers: [], egressCIDRs: [] },
      limits: {
        messageBytes: 157286400,
        recipientsPerMessage: 500,
        headerBytes: 262144,
        hops: 30,
        connections: 5000,
        connectionsPerClient: 20,
        messagesPerMinutePerClient: 600,
        minimumBytesPerSecond: 500,
        commandTimeoutSeconds: 300,
        deliveryTimeoutSeconds: 270,
        ...parts.limits,
      },
      lameDuckSeconds: 0,
      drainSeconds: 60,
      ...parts.fleet,
    },
    sharedDomains: parts.sharedDomains ?? [sharedDomain()],
    tenantRoutes: parts.tenantRoutes ?? [tenantRoute('tenant1'), tenantRoute('tenant2')],
    rewriteRules: parts.rewriteRules ?? [],
    held: {
      domains: [],
      addresses: [],
      unresolvedOf: [],
      unreadableTenantDomains: [],
      sources: [],
      ...parts.held,
    },
  };
}
