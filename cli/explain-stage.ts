/** The surroundings of a session that is only rehearsed: next hops that take everything, and nothing but notes. */

import { tmpdir } from 'node:os';
import type { Claim, ClaimRequest, NextHops } from '../relay/core/delivery.ts';
import type { Directory } from '../relay/core/directory.ts';
import { refuseDiscovery } from '../relay/core/discovery.ts';
import { shouldSign } from '../relay/core/dkim-fields.ts';
import type { Header } from '../relay/core/header.ts';
import { contentSize, type ReceivedMessage } from '../relay/core/message.ts';
import { isSuccess, type Reply, reply } from '../relay/core/reply.ts';
import type { CertificateDemand } from '../relay/core/source.ts';
import type { TraceKeys } from '../relay/core/trace.ts';
import { createMetrics } from '../relay/metrics/metrics.ts';
import { MemoryBody } from '../relay/smtp/body.ts';
import { receiveMessage } from '../relay/smtp/receive.ts';
import type { ClientTls } from '../relay/smtp/session.ts';
import { hasName } from '../relay/tls/client-certificate.ts';
import type { TrackingEvent } from '../relay/tracking/tracking.ts';
import { DeliveredMemory } from '../relay/transaction/delivered-memory.ts';
import type { TransactionEdges } from '../relay/transaction/edges.ts';
import { MessageRate } from '../relay/transaction/message-rate.ts';

export interface Heard {
  readonly reply: Reply;
  /** For whoever runs the relay; undefined when there is nothing to say. */
  readonly cause: string | undefined;
}

/** What one next hop would be told. */
export interface RehearsedClaim {
  readonly request: ClaimRequest;
  readonly recipients: readonly string[];
  /** The header section it would get; undefined: no message. */
  readonly headerSection: Uint8Array | undefined;
}

export interface Signature {
  readonly domain: string;
  readonly selectors: readonly string[];
}

export interface Notes {
  /** In the order of delivery: the last one is the message's. */
  readonly claims: readonly RehearsedClaim[];
  readonly received: { readonly message: ReceivedMessage; readonly size: number } | undefined;
  readonly signatures: readonly Signature[];
  /** Recipients of which the sender's own tenant would get a report that they were refused. */
  readonly reported: readonly string[];
}

const TAKEN = reply(250, '2.0.0', 'OK');

/** The name alone decides: the certificate given stands for one that a trusted authority has issued. */
export function certificateMatches({ certificate }: ClientTls, { names }: CertificateDemand): boolean {
  return certificate !== undefined && hasName(certificate, names);
}

export class Stage {
  readonly #directory: Directory;
  readonly #trace: TraceKeys | undefined;
  readonly #now: Date;
  readonly #events: TrackingEvent[] = [];
  readonly #claims: { request: ClaimRequest; recipients: string[]; headerSection: Uint8Array | undefined }[] = [];
  #signatures: Signature[] = [];
  #received: Notes['received'];

  constructor(directory: Directory, trace: TraceKeys | undefined, now: Date) {
    this.#directory = directory;
    this.#trace = trace;
    this.#now = now;
  }

  edges(): TransactionEdges {
    const [directory, now] = [this.#directory, this.#now];
    const nextHops: NextHops = { claim: (request) => this.#claim(request) };
    return {
      current: () => ({ directory, sign: async (header) => this.#sign(header), trace: this.#trace }),
      nextHops,
      discoverer: {
        // Nobody is asked: the first candidate stands for the one that takes the address.
        discover: async ([first]) => first ?? refuseDiscovery('Unknown', 'there is no tenant to ask'),
        forget: () => {},
      },
      receive: async (content, limits) => {
        const received = await receiveMessage(content, { limits, spool: { folder: tmpdir() } });
        if (received.ok) this.#note(received.message);
        return received;
      },
      certificateMatches,
      memoryBody: (octets) => new MemoryBody([octets]),
      tracking: { event: (event) => this.#events.push(event) },
      log: { info: () => {}, warn: () => {}, error: () => {} },
      metrics: createMetrics(),
      findings: { nextHopRefuses: () => {}, nextHopTakes: () => {} },
      delivered: new DeliveredMemory(() => now.getTime()),
      rate: new MessageRate(() => now.getTime()),
      now: () => now,
    };
  }

  /** An answer, and what tracking says of it. */
  async step(ask: () => Reply | Promise<Reply>): Promise<Heard> {
    const before = this.#events.length;
    const heard = await ask();
    const failures = this.#events.slice(before).filter(({ event }) => event === 'FAIL' || event === 'DEFER');
    return { reply: heard, cause: isSuccess(heard) ? undefined : failures.at(-1)?.cause };
  }

  notes(): Notes {
    const reports = this.#events.filter(({ event }) => event === 'DSN');
    return {
      claims: this.#claims,
      received: this.#received,
      signatures: this.#signatures,
      reported: reports.flatMap(({ originalRecipients = [] }) => originalRecipients),
    };
  }

  #note(message: ReceivedMessage): void {
    this.#received = { message, size: contentSize(message) };
  }

  #claim(request: ClaimRequest): Claim {
    const noted = { request, recipients: [] as string[], headerSection: undefined as Uint8Array | undefined };
    this.#claims.push(noted);
    return {
      target: request.target,
      connection: undefined,
      recipient: async (forwardPath) => {
        noted.recipients.push(forwardPath);
        return { ok: true, reply: TAKEN };
      },
      deliver: async ({ headerSection }) => {
        noted.headerSection = headerSection;
        // In the order of delivery: a report to the sender's tenant is claimed after the message, and sent before it.
        this.#claims.splice(this.#claims.indexOf(noted), 1);
        this.#claims.push(noted);
        return { ok: true, reply: TAKEN };
      },
      release: () => {},
    };
  }

  /** Without the key, which explaining has no business with. */
  async #sign(header: Header): Promise<string> {
    this.#signatures = this.#directory.config.sharedDomains
      .filter(({ domain, dkim }) => dkim.length > 0 && shouldSign(header, domain))
      .map(({ domain, dkim }) => ({ domain, selectors: dkim.map(({ selector }) => selector) }));
    return '';
  }
}
