/**
 * The sending side as one thing: gives claims at tenants' next hops, the smart host and the internet's mail
 * exchangers.
 */

import type { Credentials, RelayConfig } from '../core/config.ts';
import type { ClaimRequest, NextHops, Target } from '../core/delivery.ts';
import { HopClaim } from './claim.ts';
import type { ClaimEnvironment } from './claim-environment.ts';
import { assertWord } from './commands.ts';
import { DURATIONS, type Durations } from './durations.ts';
import { Lookup } from './lookup.ts';
import type { PoolCounts } from './pool.ts';
import { type NextHopEvents, Route, type RouteSettings } from './route.ts';
import {
  configuredHops,
  configuredSettings,
  exchangerSettings,
  ownAddresses,
  type Surroundings,
  targetId,
} from './route-settings.ts';

export interface NextHopsOptions {
  readonly config: RelayConfig;
  readonly credentials: Credentials;
  /** Instead of the configuration's: `192.0.2.1`, `192.0.2.1:5353`. */
  readonly dnsServers?: readonly string[];
  /** Where this relay itself can be reached; never an MX target. */
  readonly ownAddresses?: readonly string[];
  readonly durations?: Partial<Durations>;
  readonly events?: NextHopEvents;
  /** 0 to below 1: mixes mail exchangers of equal preference. */
  readonly random?: () => number;
}

export interface RouteConnections extends PoolCounts {
  /** A TenantRoute's name, `SmartHost`, or `MX` for all recipient domains together. */
  readonly name: string;
}

export interface SendingSide extends NextHops {
  /**
   * Throws, and changes nothing, when a credential is missing or a DNS server is no address. Claims that are open end
   * as they
   * began.
   */
  update(config: RelayConfig, credentials: Credentials): void;
  /** Lets claims go, takes no new ones, and resolves when every delivery that has begun has its answer. */
  close(): Promise<void>;
  connections(): readonly RouteConnections[];
}

/** Recipient domains of which health, pauses and TLS sessions are remembered; some kilobytes each. */
const MOST_DOMAINS = 1_000;

export function createNextHops(options: NextHopsOptions): SendingSide {
  return new Sender(options);
}

interface KeptRoute {
  readonly key: string;
  readonly route: Route;
}

class Sender implements SendingSide, ClaimEnvironment {
  readonly durations: Durations;
  readonly #options: NextHopsOptions;
  #config: RelayConfig;
  #surroundings: Surroundings;
  #configured = new Map<string, KeptRoute>();
  #domains = new Map<string, Route>();
  /** All that may hold a connection, retired ones too. */
  readonly #routes = new Set<Route>();
  #allClosed: (() => void) | undefined;

  constructor(options: NextHopsOptions) {
    this.#options = options;
    this.durations = { ...DURATIONS, ...options.durations };
    this.#config = options.config;
    this.#surroundings = this.#look(options.config);
    this.update(options.config, options.credentials);
  }

  claim(request: ClaimRequest): HopClaim {
    return new HopClaim(request, this);
  }

  patience(): number {
    return this.#config.fleet.limits.deliveryTimeoutSeconds * 1000;
  }

  routeFor(target: Target): Route | undefined {
    if (target.kind !== 'MX') return this.#configured.get(targetId(target))?.route;
    const { outbound } = this.#config.fleet;
    if (outbound.route !== 'MX' || this.#allClosed !== undefined) return undefined;
    const known = this.#domains.get(target.domain);
    if (known !== undefined) return known;
    this.#forgetDomains();
    const route = this.#start(exchangerSettings(target.domain, outbound.addressFamily, this.#surroundings));
    this.#domains.set(target.domain, route);
    return route;
  }

  update(config: RelayConfig, credentials: Credentials): void {
    const sameWayOut = wayOut(config) === wayOut(this.#config);
    const surroundings = sameWayOut ? this.#surroundings : this.#look(config);
    // First everything that may throw.
    const wanted = configuredHops(config).map((hop) => {
      const kept = this.#configured.get(targetId(hop.target));
      return sameWayOut && kept?.key === hop.key
        ? { id: targetId(hop.target), kept }
        : { id: targetId(hop.target), key: hop.key, settings: configuredSettings(hop, credentials, surroundings) };
    });
    const before = this.#configured;
    this.#config = config;
    this.#configured = new Map();
    for (const hop of wanted) {
      this.#configured.set(hop.id, hop.kept ?? { key: hop.key, route: this.#start(hop.settings) });
    }
    for (const [id, { route }] of before) {
      if (this.#configured.get(id)?.route !== route) this.#retire(route);
    }
    if (sameWayOut) return;
    this.#surroundings = surroundings;
    for (const route of this.#domains.values()) this.#retire(route);
    this.#domains = new Map();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#allClosed = resolve;
      this.#configured = new Map();
      this.#domains = new Map();
      for (const route of this.#routes) route.end();
      this.#checkClosed();
    });
  }

  connections(): readonly RouteConnections[] {
    const sums = new Map<string, RouteConnections>();
    for (const { name, pool } of this.#routes) {
      const { open, idle, waiting } = pool.counts;
      const sum = sums.get(name);
      sums.set(name, {
        name,
        open: open + (sum?.open ?? 0),
        idle: idle + (sum?.idle ?? 0),
        waiting: waiting + (sum?.waiting ?? 0),
      });
    }
    return [...sums.values()];
  }

  #start(settings: RouteSettings): Route {
    const route: Route = new Route(settings, () => {
      if (route.pool.retired) this.#routes.delete(route);
      this.#checkClosed();
    });
    this.#routes.add(route);
    return route;
  }

  #retire(route: Route): void {
    route.retire();
    if (route.pool.isEmpty) this.#routes.delete(route);
  }

  /** Makes room for one more domain: those without a connection go, the longest known first. */
  #forgetDomains(): void {
    for (const [domain, route] of this.#domains) {
      if (this.#domains.size < MOST_DOMAINS) return;
      if (!route.pool.isEmpty) continue;
      this.#domains.delete(domain);
      this.#routes.delete(route);
    }
  }

  #checkClosed(): void {
    if (this.#allClosed === undefined) return;
    for (const { pool } of this.#routes) if (!pool.isEmpty) return;
    this.#surroundings.lookup.close();
    this.#allClosed();
  }

  #look(config: RelayConfig): Surroundings {
    const { dnsServers = [], ownAddresses: listeners = [], random = Math.random } = this.#options;
    assertWord(config.fleet.hostname);
    const servers = dnsServers.length > 0 ? dnsServers : config.fleet.outbound.dnsServers;
    return {
      hostname: config.fleet.hostname,
      durations: this.durations,
      events: this.#options.events ?? {},
      lookup: new Lookup(servers, this.durations.query),
      own: ownAddresses(config, listeners),
      random,
    };
  }
}

/** What the way to the internet and to names in general depends on. */
function wayOut({ fleet }: RelayConfig): string {
  const { route, dnsServers, egressCIDRs } = fleet.outbound;
  const family = fleet.outbound.route === 'MX' ? fleet.outbound.addressFamily : '';
  return JSON.stringify([fleet.hostname, route, family, dnsServers, egressCIDRs]);
}
