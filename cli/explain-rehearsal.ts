/**
 * Plays one transaction with the relay's own session, against next hops that take everything: every reply is the
 * relay's, and nothing leaves this process.
 */

import { X509Certificate } from 'node:crypto';
import type { Directory } from '../relay/core/directory.ts';
import type { MailParameters, Path } from '../relay/core/envelope.ts';
import { isSuccess, type Reply } from '../relay/core/reply.ts';
import type { TraceKeys } from '../relay/core/trace.ts';
import { parseMail, parseRecipient } from '../relay/smtp/command.ts';
import { IncomingContent } from '../relay/smtp/incoming-content.ts';
import type { ClientConnection, SmtpSession } from '../relay/smtp/session.ts';
import { makeSelfSigned } from '../relay/tls/self-signed.ts';
import { createSessions } from '../relay/transaction/session.ts';
import { type Heard, type Notes, Stage } from './explain-stage.ts';

export interface Client {
  readonly address: string;
  readonly tls: boolean;
  /** Name of a certificate that is taken as verified. */
  readonly certificate: string | undefined;
}

export interface Scene {
  readonly directory: Directory;
  /** Keys of trace fields. */
  readonly trace: TraceKeys | undefined;
  readonly client: Client;
  /** Without angle brackets; empty for the null reverse-path. */
  readonly from: string;
  readonly to: readonly string[];
  /** What XOORG= would say. */
  readonly organization: string | undefined;
  readonly content: Uint8Array;
  readonly now: Date;
}

export interface RehearsedRecipient extends Heard {
  readonly given: string;
  /** undefined: RCPT itself is malformed. */
  readonly path: Path | undefined;
}

export interface Rehearsal extends Notes {
  readonly connection: ClientConnection;
  readonly parameters: MailParameters;
  readonly reversePath: Path | undefined;
  /** What XOORG= has said; undefined where it is not offered. */
  readonly organization: string | undefined;
  readonly mail: Heard;
  readonly recipients: readonly RehearsedRecipient[];
  /** Of the message as it was given. */
  readonly octets: number;
  /** Answer to the final dot; undefined when no recipient was accepted. */
  readonly data: Heard | undefined;
}

/** What a client with TLS would most likely have; it stands in our Received field alone. */
const TLS = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

export async function rehearse(scene: Scene): Promise<Rehearsal> {
  const stage = new Stage(scene.directory, scene.trace, scene.now);
  const connection = connectionOf(scene);
  const session = createSessions(stage.edges()).open(connection);
  const utf8 = [scene.from, ...scene.to].some((text) => /[^\u0000-\u007f]/.test(text)) ? ' SMTPUTF8' : '';
  const octets = scene.content.length;
  const begun = {
    connection,
    parameters: {},
    reversePath: undefined,
    organization: undefined,
    recipients: [],
    octets,
    data: undefined,
  };
  const refused = (heard: Reply) => ({ ...begun, mail: { reply: heard, cause: undefined }, ...stage.notes() });
  if ('code' in session) return refused(session);
  const offersOrganization = connection.tls !== undefined && session.offersOrganization?.() === true;
  // Who is not offered XOORG says nothing of it.
  const xoorg = offersOrganization && scene.organization !== undefined ? ` XOORG=${scene.organization}` : '';
  const parsed = parseMail(`FROM:<${scene.from}>${utf8}${xoorg}`, offersOrganization);
  if (!parsed.ok) return refused(parsed.reply);
  const { reversePath, parameters, organization } = parsed.value;
  const mail = await stage.step(() => session.mail(reversePath, parameters, organization));
  if (!isSuccess(mail.reply)) return { ...begun, parameters, reversePath, organization, mail, ...stage.notes() };
  const recipients: RehearsedRecipient[] = [];
  for (const given of scene.to) recipients.push(await askRecipient(stage, session, given, utf8 !== ''));
  const anybody = recipients.some((recipient) => isSuccess(recipient.reply));
  const data = anybody ? await stage.step(() => sendContent(session, scene)) : undefined;
  return { connection, parameters, reversePath, organization, mail, recipients, octets, data, ...stage.notes() };
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
