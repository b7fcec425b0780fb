/** Reads from the configuration how every target is reached; pure but for the DNS it will ask later. */

import type { Credentials, NextHopConfig, RelayConfig } from '../core/config.ts';
import type { Refusal, Target } from '../core/delivery.ts';
import { parseAddress, parseCidr } from '../core/network.ts';
import type { Durations } from './durations.ts';
import { configuredAddresses, type OwnAddresses, planFor, publicAddresses } from './exchangers.ts';
import type { AddressFamily, Lookup } from './lookup.ts';
import type { NextHopEvents, RouteSettings } from './route.ts';
import { credentialOf, OPPORTUNISTIC, tlsSettings } from './tls-policy.ts';

/** A next hop that an admin wrote down. */
export interface ConfiguredHop {
  readonly target: Exclude<Target, { kind: 'MX' }>;
  /** Everything that makes a connection what it is: another key, another pool and another TLS session cache. */
  readonly key: string;
  readonly nextHop: NextHopConfig;
}

export interface Surroundings {
  readonly hostname: string;
  readonly durations: Durations;
  readonly events: NextHopEvents;
  readonly lookup: Lookup;
  readonly own: OwnAddresses;
  readonly random: () => number;
}

/** One string for one target. */
export function targetId(target: ConfiguredHop['target']): string {
  return target.kind === 'SmartHost' ? target.kind : `${target.kind}/${target.name}`;
}

export function configuredHops(config: RelayConfig): readonly ConfiguredHop[] {
  const { hostname, outbound } = config.fleet;
  const hops: ConfiguredHop[] = config.tenantRoutes.map(({ name, generation, nextHop }) => ({
    target: { kind: 'TenantRoute', name },
    // Credential ids are made from their content: a changed Secret is a changed key.
    key: JSON.stringify([hostname, generation, nextHop]),
    nextHop,
  }));
  if (outbound.route === 'SmartHost') {
    const { smartHost } = outbound;
    hops.push({ target: { kind: 'SmartHost' }, key: JSON.stringify([hostname, smartHost]), nextHop: smartHost });
  }
  return hops;
}

/** Throws when a credential is missing. */
export function configuredSettings(
  hop: ConfiguredHop,
  credentials: Credentials,
  surroundings: Surroundings,
): RouteSettings {
  const { nextHop, target } = hop;
  const { lookup, own, random, hostname, durations, events } = surroundings;
  const { hosts, mxOf, addressFamily, auth } = nextHop;
  const shared = {
    name: target.kind === 'SmartHost' ? target.kind : target.name,
    hostname,
    durations,
    events,
    limits: nextHop.limits,
    tls: tlsSettings(nextHop, credentials),
    account: auth && {
      username: credentialOf(credentials, auth.username),
      password: credentialOf(credentials, auth.password),
    },
  };
  if (mxOf === undefined) {
    return {
      ...shared,
      plan: async () => ({ ok: true, hosts: hosts ?? [] }),
      addresses: (host) => configuredAddresses(host, addressFamily, lookup),
    };
  }
  return {
    ...shared,
    plan: async () => ownFault(await planFor(mxOf, lookup, random)),
    addresses: async (host) => ownFault(await publicAddresses(host, mxOf, addressFamily, own, lookup)),
  };
}

/** A tenant's DNS that is wrong is its admin's to repair; it must not bounce everybody's mail meanwhile. */
function ownFault<T extends { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal }>(
  answer: T,
): T | { readonly ok: false; readonly refusal: Refusal } {
  return answer.ok ? answer : { ok: false, refusal: { ...answer.refusal, verdict: undefined } };
}

export function exchangerSettings(domain: string, family: AddressFamily, surroundings: Surroundings): RouteSettings {
  const { lookup, own, random, hostname, durations, events } = surroundings;
  return {
    name: 'MX',
    hostname,
    durations,
    events,
    limits: {},
    tls: OPPORTUNISTIC,
    account: undefined,
    plan: () => planFor(domain, lookup, random),
    addresses: (host) => publicAddresses(host, domain, family, own, lookup),
  };
}

/** What no mail exchanger may be: the listeners' addresses and those the fleet sends from. */
export function ownAddresses(config: RelayConfig, listeners: readonly string[]): OwnAddresses {
  return {
    addresses: new Set(listeners.flatMap((text) => parseAddress(text)?.toString() ?? [])),
    cidrs: config.fleet.outbound.egressCIDRs.flatMap((text) => parseCidr(text) ?? []),
  };
}
