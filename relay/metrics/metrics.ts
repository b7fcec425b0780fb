/** Everything the relay counts, by documented name (docs/metrics.md). No label ever holds an address or a domain. */

import { AggregatorRegistry, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Stage, Target } from '../core/delivery.ts';
import type { ProofResult } from '../core/proof.ts';
import type { ReplyClass } from '../core/reply.ts';
import {
  type Count,
  type Counts,
  counter,
  counterPairs,
  counters,
  type Level,
  level,
  type Reading,
  reading,
} from './count.ts';

export const CONNECTION_REFUSALS = [
  'connections',
  'connections_per_client',
  'rate',
  'draining',
  'not_ready',
  'early_talker',
  'proxy_untrusted',
  'proxy_required',
  'proxy_header',
  'proxy_version_2',
] as const;
export const DIRECTIONS = ['inbound', 'outbound', 'between_tenants'] as const;
export const MESSAGE_RESULTS = ['delivered', 'deferred', 'refused', 'abandoned'] as const;
/** The first seven accept, by the words of core's Resolution; of Provisional the headers decide; the rest did not. */
export const RECIPIENT_DECISIONS = [
  'Rule',
  'Postmaster',
  'Authority',
  'RoutingDomain',
  'FromInternet',
  'Outbound',
  'Discovered',
  'Provisional',
  'Unknown',
  'Undecided',
  'RelayingDenied',
  'Held',
  'TlsMissing',
  'OtherDestination',
  'NextHopRefused',
  'NextHopDeferred',
] as const;
/** What came of asking the tenants who knows a recipient. */
export const DISCOVERY_RESULTS = ['found', 'unknown', 'undecided', 'over_budget', 'too_many_unknown'] as const;
export const REWRITE_KINDS = ['reverse_path', 'forward_path', 'header'] as const;
export const TARGETS = ['TenantRoute', 'SmartHost', 'MX'] as const satisfies readonly Target['kind'][];
export const STAGES = [
  'lookup',
  'connect',
  'greeting',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'content',
] as const satisfies readonly Stage[];
const REPLY_CLASSES = ['success', 'intermediate', 'transient', 'permanent'] as const satisfies readonly ReplyClass[];

/** By the words of core's ProofResult. */
export const PROOFS = [
  'Organization',
  'TenantId',
  'Stranger',
  'NoTenantId',
  'TwoTenantIds',
  'Held',
] as const satisfies readonly ProofResult[];

export type ConnectionRefusal = (typeof CONNECTION_REFUSALS)[number];
export type MessageDirection = (typeof DIRECTIONS)[number];
export type MessageResult = (typeof MESSAGE_RESULTS)[number];
export type RecipientDecision = (typeof RECIPIENT_DECISIONS)[number];
export type RewriteKind = (typeof REWRITE_KINDS)[number];

export interface Metrics {
  /** Client connections open now; what an autoscaler looks at. */
  readonly connections: Level;
  readonly connectionsAccepted: Count;
  readonly connectionsRefused: Counts<ConnectionRefusal>;
  readonly handshakes: Readonly<Record<'client' | 'next_hop', Counts<'ok' | 'failed'>>>;
  readonly replies: Counts<ReplyClass>;
  readonly recipients: Counts<RecipientDecision>;
  /** Messages from clients with Exchange Online's certificate. */
  readonly proofs: Counts<ProofResult>;
  readonly exchangeElsewhere: Count;
  readonly discoveries: Counts<(typeof DISCOVERY_RESULTS)[number]>;
  /** About somebody's address, or about one that nobody has. */
  readonly discoveryQuestions: Readonly<Record<'recipient' | 'nobody', Counts<'taken' | 'unknown' | 'undecided'>>>;
  readonly messages: Readonly<Record<MessageDirection, Counts<MessageResult>>>;
  readonly rewrites: Counts<RewriteKind>;
  readonly auditedRewrites: Counts<RewriteKind>;
  /** Seconds from the client's final dot to the next hop's answer. */
  readonly deliverySeconds: Readonly<Record<Target['kind'], { observe(seconds: number): void }>>;
  /** Connections to next hops open now. */
  readonly nextHopConnections: Reading;
  readonly nextHopConnectionsOpened: Count;
  readonly nextHopRefusals: Counts<Stage>;
  readonly nextHopRefusesUs: Count;
  readonly receivedBytes: Count;
  readonly deliveredBytes: Count;
  readonly bareLineEndings: Count;
  readonly clientGoneAfterDot: Count;
  readonly answeredFromMemory: Count;
  /** Octets of bodies received whole that wait in temporary files now. */
  readonly spoolBytes: Level;
  readonly spoolFailures: Count;
  readonly linesLost: Count;
  readonly configReloads: Counts<'applied' | 'refused'>;
  /** Names the configuration in force, applied now. */
  configApplied(revision: string): void;
  /** What /metrics answers, and its content type. */
  readonly contentType: string;
  text(): Promise<string>;
  /** For a parent process that sums its workers with aggregateText(). */
  snapshot(): Promise<MetricsSnapshot>;
}

/** Plain data that survives being sent to another process. */
export type MetricsSnapshot = readonly object[];

/** Deliveries wait at most deliveryTimeoutSeconds (270) and then 600 s for an answer; half of all take less than 0.1 s. */
const DELIVERY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 270, 870];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'isthmus_' });
  const one = (name: string, help: string) => counter(registry, `isthmus_${name}`, help);
  const by = <Value extends string>(name: string, help: string, label: string, values: readonly Value[]) =>
    counters(registry, `isthmus_${name}`, help, label, values);
  const now = (name: string, help: string) => level(registry, `isthmus_${name}`, help);

  const deliverySeconds = new Histogram({
    name: 'isthmus_delivery_seconds',
    help: "Seconds from the client's final dot to the next hop's answer, by kind of next hop.",
    labelNames: ['target'],
    buckets: DELIVERY_BUCKETS,
    registers: [registry],
  });
  for (const target of TARGETS) deliverySeconds.zero({ target });
  const configInfo = new Gauge({
    name: 'isthmus_config_info',
    help: '1; its label is the revision of the configuration in force.',
    labelNames: ['revision'],
    aggregator: 'max',
    registers: [registry],
  });
  const configApplied = new Gauge({
    name: 'isthmus_config_applied_timestamp_seconds',
    help: 'When the configuration in force was applied, in seconds since 1970.',
    // Of several workers the one that is behind is worth knowing.
    aggregator: 'min',
    registers: [registry],
  });

  return {
    connections: now('smtp_connections', 'Client connections open now.'),
    connectionsAccepted: one('smtp_connections_accepted_total', 'Client connections that were greeted with 220.'),
    connectionsRefused: by(
      'smtp_connections_refused_total',
      'Client connections refused in the greeting, by reason.',
      'reason',
      CONNECTION_REFUSALS,
    ),
    handshakes: counterPairs(
      registry,
      'isthmus_tls_handshakes_total',
      'TLS handshakes, with clients and with next hops.',
      ['peer', 'result'],
      ['client', 'next_hop'],
      ['ok', 'failed'],
    ),
    replies: by('smtp_replies_total', 'Replies given to clients, by class.', 'class', REPLY_CLASSES),
    recipients: by(
      'recipients_total',
      'Recipients asked for by clients, by decision.',
      'decision',
      RECIPIENT_DECISIONS,
    ),
    proofs: by(
      'exchange_online_proofs_total',
      "Messages of clients with Exchange Online's certificate, by what they proved and how.",
      'result',
      PROOFS,
    ),
    exchangeElsewhere: one(
      'exchange_online_elsewhere_total',
      "Clients with Exchange Online's certificate at an address that is not published as its own. They are not refused.",
    ),
    discoveries: by(
      'discoveries_total',
      'Recipients that no rule resolves and the tenants were to be asked for, by result.',
      'result',
      DISCOVERY_RESULTS,
    ),
    discoveryQuestions: counterPairs(
      registry,
      'isthmus_discovery_questions_total',
      "Questions to tenants' next hops, about a recipient or about an address that nobody has, by answer.",
      ['about', 'answer'],
      ['recipient', 'nobody'],
      ['taken', 'unknown', 'undecided'],
    ),
    messages: counterPairs(
      registry,
      'isthmus_messages_total',
      'Messages whose content was begun, by direction and what the client was told after it.',
      ['direction', 'result'],
      DIRECTIONS,
      MESSAGE_RESULTS,
    ),
    rewrites: by('rewrites_total', 'Addresses rewritten, by place.', 'kind', REWRITE_KINDS),
    auditedRewrites: by(
      'audited_rewrites_total',
      'Addresses that a rule in Audit mode would have rewritten, by place.',
      'kind',
      REWRITE_KINDS,
    ),
    deliverySeconds: {
      TenantRoute: deliverySeconds.labels('TenantRoute'),
      SmartHost: deliverySeconds.labels('SmartHost'),
      MX: deliverySeconds.labels('MX'),
    },
    nextHopConnections: reading(
      registry,
      'isthmus_next_hop_connections',
      'Connections to next hops open now, busy or kept.',
    ),
    nextHopConnectionsOpened: one('next_hop_connections_opened_total', 'Connections opened to next hops.'),
    nextHopRefusals: by(
      'next_hop_refusals_total',
      'Steps that did not succeed at a next hop, by stage.',
      'stage',
      STAGES,
    ),
    nextHopRefusesUs: one(
      'next_hop_refuses_us_total',
      'Refusals that speak of this relay and not of the mail: certificate, address, reputation. Clients heard 451.',
    ),
    receivedBytes: one('received_bytes_total', 'Octets of messages received whole.'),
    deliveredBytes: one('delivered_bytes_total', 'Octets of messages that next hops took.'),
    bareLineEndings: one('bare_line_endings_total', 'Bare CR and bare LF in messages, made CRLF.'),
    clientGoneAfterDot: one(
      'client_gone_after_dot_total',
      'Messages delivered after their client had gone (RFC 1047): a retry may come.',
    ),
    answeredFromMemory: one('answered_from_memory_total', 'Such retries answered 250 without a second delivery.'),
    spoolBytes: now(
      'spool_bytes',
      'Octets of received bodies in temporary files now; those still arriving do not count.',
    ),
    spoolFailures: one('spool_failures_total', 'Message bodies that could not be kept: clients heard 452 4.3.1.'),
    linesLost: one('log_lines_lost_total', 'Lines of log and tracking that could not be written.'),
    configReloads: by('config_reloads_total', 'New configurations, by result.', 'result', ['applied', 'refused']),
    configApplied: (revision) => {
      configInfo.reset();
      configInfo.set({ revision }, 1);
      configApplied.setToCurrentTime();
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

/** The sum of several workers, as /metrics answers it. */
export function aggregateText(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot])).metrics();
}
