/** What a session needs from the rest of the relay; relay/main.ts brings it together. */

import type { Readable } from 'node:stream';
import type { LimitsConfig } from '../core/config.ts';
import type { NextHops, Target } from '../core/delivery.ts';
import type { Directory } from '../core/directory.ts';
import type { Header } from '../core/header.ts';
import type { Body, ReceivedMessage } from '../core/message.ts';
import type { Reply } from '../core/reply.ts';
import type { TraceKeys } from '../core/trace.ts';
import type { CertificateDemand } from '../core/source.ts';
import type { Discoverer } from '../discover/discoverer.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ClientTls } from '../smtp/session.ts';
import type { Log, Tracking } from '../tracking/tracking.ts';
import type { DeliveredMemory } from './delivered-memory.ts';
import type { MessageRate } from './message-rate.ts';

export type ReceiveResult =
  | { readonly ok: true; readonly message: ReceivedMessage }
  /** `cause` is for the log: a disk that failed. */
  | { readonly ok: false; readonly reply: Reply; readonly cause?: unknown };

/** DKIM-Signature fields, each ending in CRLF, of the shared domain that the single From belongs to; empty when nothing is to be signed. */
export type Sign = (header: Header, body: Body) => Promise<string>;

/** What an admin of a tenant route should know; shown in /status. */
export interface Findings {
  nextHopRefuses(target: Target, meaning: string): void;
  nextHopTakes(target: Target): void;
}

export interface TransactionEdges {
  /** The configuration in force now, with the signers and the keys of trace fields that belong to it. */
  current(): { readonly directory: Directory; readonly sign: Sign; readonly trace: TraceKeys | undefined };
  readonly nextHops: NextHops;
  readonly discoverer: Pick<Discoverer, 'discover' | 'forget'>;
  /** Never rejects. */
  receive(content: Readable, limits: LimitsConfig): Promise<ReceiveResult>;
  certificateMatches(tls: ClientTls, demand: CertificateDemand): boolean;
  /** A message of our own making. */
  memoryBody(octets: Uint8Array): Body;
  readonly tracking: Tracking;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly findings: Findings;
  readonly delivered: DeliveredMemory;
  readonly rate: MessageRate;
  now(): Date;
}
