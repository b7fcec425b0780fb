/** One relay: brings the edges together, runs the configuration it is given, and ends without cutting a delivery. */

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { createDomainSigners } from './auth/dkim-sign.ts';
import { createTraceKeys } from './auth/trace-key.ts';
import type { Credentials, RelayConfig } from './core/config.ts';
import { buildDirectory, type Directory } from './core/directory.ts';
import type { PackedRules } from './core/rule-table.ts';
import type { TraceKeys } from './core/trace.ts';
import type { CertificateDemand } from './core/source.ts';
import { createDiscoverer, type Discoverer } from './discover/discoverer.ts';
import { discoveryEvents } from './discovery-events.ts';
import { FindingList } from './findings.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { createNextHops, type SendingSide } from './next-hop/next-hops.ts';
import { MemoryBody } from './smtp/body.ts';
import { type Front, startFront } from './smtp/front.ts';
import { receiveMessage } from './smtp/receive.ts';
import type { ClientTls } from './smtp/session.ts';
import { relayStatus, type RelayStatus } from './status.ts';
import { hasName, verifyClientCertificate } from './tls/client-certificate.ts';
import { checkIdentity, ServerContext, type ServerIdentity } from './tls/server-context.ts';
import type { Lines } from './tracking/tracking.ts';
import { DeliveredMemory } from './transaction/delivered-memory.ts';
import type { Sign } from './transaction/edges.ts';
import { MessageRate } from './transaction/message-rate.ts';
import { createSessions } from './transaction/session.ts';
import { frontEvents } from './front-events.ts';

/** Everything that can change while the relay runs. */
export interface Configuration {
  readonly config: RelayConfig;
  readonly credentials: Credentials;
  /** Rows of rules that do not carry them in `config`. */
  readonly packed?: PackedRules;
  /** Shown to clients in TLS. */
  readonly identity: ServerIdentity;
}

export interface RelayOptions {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** Where bodies above 256 KiB wait for their final dot. */
  readonly spoolFolder: string;
  /** Instead of the configuration's. */
  readonly dnsServers: readonly string[];
  readonly lines: Lines;
  /** Told of each delivery that was remembered: other workers of this relay should know it too. */
  readonly onDelivered?: (key: string) => void;
}

export type ApplyResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

interface Running extends Configuration {
  readonly directory: Directory;
  readonly sign: Sign;
  readonly trace: TraceKeys | undefined;
}

export class Relay {
  readonly metrics: Metrics = createMetrics();
  readonly #options: RelayOptions;
  readonly #findings = new FindingList(() => new Date());
  readonly #tls = new ServerContext();
  readonly #delivered: DeliveredMemory;
  readonly #nextHops: SendingSide;
  readonly #discoverer: Discoverer;
  #front: Front | undefined;
  #running: Running;
  #refused: { readonly revision: string; readonly reason: string } | undefined;

  /** Throws when the first configuration cannot be run. */
  constructor(options: RelayOptions, first: Configuration) {
    this.#options = options;
    this.#delivered = new DeliveredMemory(Date.now, options.onDelivered);
    const ready = this.#prepare(first);
    this.#nextHops = createNextHops({
      config: first.config,
      credentials: first.credentials,
      dnsServers: options.dnsServers,
      ownAddresses: options.listen.map(({ host }) => host),
      events: {
        connectionOpened: (overTls) => {
          this.metrics.nextHopConnectionsOpened.add();
          if (overTls) this.metrics.handshakes.next_hop.ok.add();
        },
        tlsFailed: () => this.metrics.handshakes.next_hop.failed.add(),
      },
    });
    this.metrics.nextHopConnections.from(() => this.#nextHops.connections().reduce((sum, { open }) => sum + open, 0));
    this.#discoverer = createDiscoverer({
      config: first.config,
      nextHops: this.#nextHops,
      now: () => performance.now(),
      token: () => randomBytes(8).toString('hex'),
      events: discoveryEvents(this.metrics, this.#findings, options.lines.log),
    });
    this.#running = ready;
    this.#inForce(first);
  }

  /** Rejects when an address cannot be listened on. */
  async listen(): Promise<void> {
    const { lines, spoolFolder } = this.#options;
    this.#front = await startFront({
      listen: this.#options.listen,
      sessions: createSessions({
        current: () => this.#running,
        nextHops: this.#nextHops,
        discoverer: this.#discoverer,
        receive: (content, limits) => receiveMessage(content, { limits, spool: { folder: spoolFolder } }),
        certificateMatches: (tls, demand) => this.#certificateMatches(tls, demand),
        memoryBody: (octets) => new MemoryBody([octets]),
        tracking: lines.tracking,
        log: lines.log,
        metrics: this.metrics,
        findings: this.#findings,
        delivered: this.#delivered,
        rate: new MessageRate(() => performance.now()),
        now: () => new Date(),
      }),
      hostname: () => this.#running.config.fleet.hostname,
      limits: () => this.#running.config.fleet.limits,
      proxyProtocol: () => this.#running.config.fleet.proxyProtocol,
      tls: this.#tls,
      events: frontEvents(this.metrics, lines.log),
    });
  }

  get addresses(): Front['addresses'] {
    return this.#front?.addresses ?? [];
  }

  /** Sessions and transactions under way end with what they began with. A configuration that is refused changes nothing. */
  apply(next: Configuration): ApplyResult {
    try {
      const ready = this.#prepare(next, this.#running.directory);
      this.#nextHops.update(next.config, next.credentials);
      this.#discoverer.update(next.config);
      this.#running = ready;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refused = { revision: next.config.revision, reason };
      this.metrics.configReloads.refused.add();
      return { ok: false, reason };
    }
    this.#inForce(next);
    return { ok: true };
  }

  learnDelivered(key: string): void {
    this.#delivered.learn(key);
  }

  status(): RelayStatus {
    return relayStatus({
      config: this.#running.config,
      addresses: this.#running.directory.rules.table.addressCount,
      refused: this.#refused,
      connections: this.#front?.connections() ?? 0,
      nextHops: this.#nextHops.connections(),
      findings: this.#findings.list(),
    });
  }

  /** Accepts for lameDuckSeconds and these more, then lets sessions end; after a final dot nothing is cut (operator.md, Draining). */
  async drain(moreSeconds = 0): Promise<void> {
    const { lameDuckSeconds, drainSeconds } = this.#running.config.fleet;
    await this.#front?.drain({ lameDuckSeconds: lameDuckSeconds + moreSeconds, drainSeconds });
    this.#discoverer.close();
    await this.#nextHops.close();
  }

  /** Everything that may throw, before anything is changed. */
  #prepare(next: Configuration, before?: Directory): Running {
    const { config, credentials, identity, packed } = next;
    const { sign, problems } = createDomainSigners(config.sharedDomains, credentials, () => new Date());
    // Unsigned mail is no fallback for mail that should be signed.
    if (problems.length > 0) throw new Error(problems.join('; '));
    const checked = checkIdentity(identity, new Date());
    if (!checked.ok) throw new Error(`TLS certificate: ${checked.reason}`);
    for (const warning of checked.warnings) this.#options.lines.log.warn(`TLS certificate: ${warning}`);
    const trace = createTraceKeys(config.fleet, credentials);
    const directory = buildDirectory(config, packed, before);
    return { config, credentials, identity, directory, sign, trace };
  }

  #inForce({ config, identity }: Configuration): void {
    const used = this.#tls.use(identity, config.fleet.tls.minVersion, new Date());
    if (!used.ok) this.#options.lines.log.error(`TLS certificate: ${used.reason}; the last good one stays in force`);
    this.#refused = undefined;
    this.#findings.keepOnly(new Set(config.tenantRoutes.map(({ name }) => name)));
    this.metrics.configReloads.applied.add();
    this.metrics.configApplied(config.revision);
  }

  #certificateMatches(tls: ClientTls, { names, ca, unverified }: CertificateDemand): boolean {
    const { certificate, chain } = tls;
    if (certificate === undefined) return false;
    if (unverified === true) return hasName(certificate, names);
    const trusted = ca === undefined ? undefined : this.#running.credentials.get(ca);
    // A CA that is named and not there trusts nobody.
    if (ca !== undefined && trusted === undefined) return false;
    return verifyClientCertificate({ certificate, chain }, { names, ca: trusted, now: new Date() }).ok;
  }
}
