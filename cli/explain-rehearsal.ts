/**
 * Plays one transaction with the relay's own session, against next hops that take everything: every reply is the
 * relay's, and nothing leaves this process.
 */

import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { shouldSign } from '../relay/core/dkim-fields.ts';
import type { Claim, ClaimRequest, NextHops } from '../relay/core/delivery.ts';
import type { Directory } from '../relay/core/directory.ts';
import { refuseDiscovery } from '../relay/core/discovery.ts';
import type { MailParameters, Path } from '../relay/core/envelope.ts';
import type { Header } from '../relay/core/header.ts';
import { contentSize, type ReceivedMessage } from '../relay/core/message.ts';
import { isSuccess, type Reply, reply } from '../relay/core/reply.ts';
import type { CertificateDemand } from '../relay/core/source.ts';
import { createMetrics } from '../relay/metrics/metrics.ts';
import { MemoryBody } from '../relay/smtp/body.ts';
import { parseMail, parseRecipient } from '../relay/smtp/command.ts';
import { IncomingContent } from '../relay/smtp/incoming-content.ts';
import { receiveMessage } from '../relay/smtp/receive.ts';
import type { ClientConnection, ClientTls, SmtpSession } from '../relay/smtp/session.ts';
import { hasName } from '../relay/tls/client-certificate.ts';
import { makeSelfSigned } from '../relay/tls/self-signed.ts';
import type { TrackingEvent } from '../relay/tracking/tracking.ts';
import { DeliveredMemory } from '../relay/transaction/delivered-memory.ts';
import type { TransactionEdges } from '../relay/transaction/edges.ts';
import { MessageRate } from '../relay/transaction/message-rate.ts';
import { createSessions } from '../relay/transaction/session.ts';

export interface Client {
  readonly address: string;
  readonly tls: boolean;
  /** Name of a certificate that is taken as verified. */
  readonly certificate: string | undefined;
}

export interface Scene {
  readonly directory: Directory;
  readonly client: Client;
  /** Without angle brackets; empty for the null reverse-path. */
  readonly from: string;
  readonly to: readonly string[];
  readonly content: Uint8Array;
  readonly now: Date;
}

export interface Heard {
  readonly reply: Reply;
  /** For whoever runs the relay; undefined when there is nothing to say. */
  readonly cause: string | undefined;
}

export interface RehearsedRecipient extends Heard {
  readonly given: string;
  /** undefined: RCPT itself is malformed. */
  readonly path: Path | undefined;
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

export interface Rehearsal {
  readonly connection: ClientConnection;
  readonly parameters: MailParameters;
  readonly reversePath: Path | undefined;
  readonly mail: Heard;
  readonly recipients: readonly RehearsedRecipient[];
  /** The last one is the message's. */
  readonly claims: readonly RehearsedClaim[];
  /** Answer to the final dot; undefined when no recipient was accepted. */
  readonly data: Heard | undefined;
  readonly received: { readonly message: ReceivedMessage; readonly size: number } | undefined;
  readonly signatures: readonly Signature[];
  /** Recipients of which the sender's own tenant would get a report that they were refused. */
  readonly reported: readonly string[];
}

/** What a client with TLS would most likely have; it stands in our Received field alone. */
const TLS = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
const TAKEN = reply(250, '2.0.0', 'OK');

export async function rehearse(scene: Scene): Promise<Rehearsal> {
  const stage = new Stage(scene);
  const connection = connectionOf(scene);
  const session = createSessions(stage.edges()).open(connection);
  const utf8 = [scene.from, ...scene.to].some((text) => /[^\u0000-\u007f]/.test(text)) ? ' SMTPUTF8' : '';
  const parsed = parseMail(`FROM:<${scene.from}>${utf8}`);
  const refused = 'code' in session ? session : parsed.ok ? undefined : parsed.reply;
  const begun = { connection, parameters: {}, reversePath: undefined, recipients: [], data: undefined };
  if ('code' in session || !parsed.ok) {
    return stage.finish({ ...begun, mail: { reply: refused ?? TAKEN, cause: undefined } });
  }
  const { reversePath, parameters } = parsed.value;
  const mail = await stage.step(() => session.mail(reversePath, parameters));
  if (!isSuccess(mail.reply)) return stage.finish({ ...begun, parameters, reversePath, mail });
  const recipients: RehearsedRecipient[] = [];
  for (const given of scene.to) recipients.push(await askRecipient(stage, session, given, utf8 !== ''));
  const anybody = recipients.some((recipient) => isSuccess(recipient.reply));
  const data = anybody ? await stage.step(() => sendContent(session, scene)) : undefined;
  return stage.finish({ connection, parameters, reversePath, mail, recipients, data });
}

async function askRecipient(
  stage: Stage,
  session: SmtpSession,
  given: string,
  utf8: boolean,
): Promise<RehearsedRecipient> {
  const parsed = parseRecipient(`TO:<${given}>`, utf8);
  if (!parsed.ok) return { given, path: undefined, reply: parsed.reply, cause: undefined };
  return { given, path: parsed.value, ...(await stage.step(() => session.recipient(parsed.value))) };
}

async function sendContent(session: SmtpSession, { directory, content, now }: Scene): Promise<Reply> {
  const incoming = new IncomingContent(directory.config.fleet.limits, now.getTime(), () => {});
  const answer = session.data(incoming.stream);
  incoming.part(Buffer.from(content), () => incoming.finalDot());
  const heard = await answer;
  return incoming.refusal?.reply ?? heard;
}

function connectionOf({ client }: Scene): ClientConnection {
  const { address, tls, certificate } = client;
  const shown =
    certificate === undefined ? undefined : new X509Certificate(makeSelfSigned(certificate, new Date()).certificate);
  return {
    id: 'explain',
    address,
    port: 0,
    localAddress: '',
    localPort: 25,
    heloName: address.includes(':') ? `[IPv6:${address}]` : `[${address}]`,
    extended: true,
    tls: tls ? { ...TLS, certificate: shown, chain: [] } : undefined,
  };
}

/** The name alone decides: the certificate given stands for one that a trusted authority has issued. */
export function certificateMatches({ certificate }: ClientTls, { names }: CertificateDemand): boolean {
  return certificate !== undefined && hasName(certificate, names);
}

/** The session's surroundings, which only take notes. */
class Stage {
  readonly #scene: Scene;
  readonly #events: TrackingEvent[] = [];
  readonly #claims: { request: ClaimRequest; recipients: string[]; headerSection: Uint8Array | undefined }[] = [];
  #signatures: Signature[] = [];
  #received: Rehearsal['received'];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  edges(): TransactionEdges {
    const { directory, now } = this.#scene;
    const nextHops: NextHops = { claim: (request) => this.#claim(request) };
    return {
      current: () => ({ directory, sign: async (header) => this.#sign(header) }),
      nextHops,
      discoverer: {
        // Nobody is asked: the first candidate stands for the one that takes the address.
        discover: async ([first]) => first ?? refuseDiscovery('Unknown', 'there is no other tenant to ask'),
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

  finish(played: Omit<Rehearsal, 'claims' | 'received' | 'signatures' | 'reported'>): Rehearsal {
    const reports = this.#events.filter(({ event }) => event === 'DSN');
    return {
      ...played,
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
    this.#signatures = this.#scene.directory.config.sharedDomains
      .filter(({ domain, dkim }) => dkim.length > 0 && shouldSign(header, domain))
      .map(({ domain, dkim }) => ({ domain, selectors: dkim.map(({ selector }) => selector) }));
    return '';
  }
}
