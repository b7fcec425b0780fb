/** What a session needs from the rest of the relay; relay/main.ts brings it together. */

import type { Readable } from 'node:stream';
import type { LimitsConfig, SourceConfig } from '../core/config.ts';
import type { NextHops, Target } from '../core/delivery.ts';
import type { Directory } from '../core/directory.ts';
import type { ReceivedMessage } from '../core/message.ts';
import type { Reply } from '../core/reply.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ClientTls } from '../smtp/session.ts';
import type { Tracking } from '../tracking/tracking.ts';
import type { DeliveredMemory } from './delivered-memory.ts';
import type { MessageRate } from './message-rate.ts';

export type ReceiveResult =
  | { readonly ok: true; readonly message: ReceivedMessage }
  | { readonly ok: false; readonly reply: Reply };

/** Puts a DKIM-Signature field before a header section for each active key of a shared domain. */
export type Sign = (sharedDomain: string, headerSection: Uint8Array, relaxedBodyHash: Uint8Array) => Uint8Array;

/** What an admin of a tenant route should know; shown in /status. */
export interface Findings {
  nextHopRefuses(target: Target, meaning: string): void;
  nextHopTakes(target: Target): void;
}

export interface TransactionEdges {
  /** The configuration in force now, and the signers that belong to it. */
  current(): { readonly directory: Directory; readonly sign: Sign };
  readonly nextHops: NextHops;
  /** Throws when the client leaves before its final dot. */
  receive(content: Readable, limits: LimitsConfig): Promise<ReceiveResult>;
  certificateMatches(tls: ClientTls, demand: NonNullable<SourceConfig['clientCertificate']>): boolean;
  readonly tracking: Tracking;
  readonly metrics: Metrics;
  readonly findings: Findings;
  readonly delivered: DeliveredMemory;
  readonly rate: MessageRate;
}
