/** The whole story of one message: what `isthmus explain` prints, as text or as JSON. */

import type { Directory } from '../relay/core/directory.ts';
import { NULL_PATH } from '../relay/core/envelope.ts';
import { fieldsNamed, parseHeader } from '../relay/core/header.ts';
import { isJournalReport } from '../relay/core/journal.ts';
import { type ProofResult, proveByHeader, proveByOrganization } from '../relay/core/proof.ts';
import { type AcceptedRecipient, REFUSAL_REPLIES } from '../relay/core/recipient.ts';
import { formatReply, isSuccess } from '../relay/core/reply.ts';
import { type ClientIdentity, identifyClient } from '../relay/core/source.ts';
import type { TraceKeys } from '../relay/core/trace.ts';
import type { TransactionStart } from '../relay/transaction/start.ts';
import { type ClientAccount, explainClient, type ShownClient } from './explain-client.ts';
import {
  decide,
  explainRecipient,
  explainSender,
  type RecipientAccount,
  recipientOf,
  type SenderAccount,
} from './explain-envelope.ts';
import { explainMessage, type MessageAccount } from './explain-message.ts';
import { type Client, type Rehearsal, rehearse, type Scene } from './explain-rehearsal.ts';
import { certificateMatches } from './explain-stage.ts';

export interface Question {
  readonly directory: Directory;
  /** Keys of trace fields. */
  readonly trace: TraceKeys | undefined;
  readonly client: Client;
  readonly tenantId: string | undefined;
  readonly organization: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
  readonly message: Uint8Array | undefined;
  readonly now: Date;
}

export interface ProofAccount {
  /** TenantRoute that XOORG= or the header proves. */
  readonly tenantRoute: string | undefined;
  readonly result: ProofResult;
}

export interface Explanation {
  /** Every recipient and the message. */
  readonly accepted: boolean;
  readonly client: ClientAccount;
  readonly sender: SenderAccount;
  readonly recipients: readonly RecipientAccount[];
  /** Who a client that shows Exchange Online's certificate turns out to be; undefined for others. */
  readonly proof: ProofAccount | undefined;
  /** Whether a message was given; without one an empty one is played. */
  readonly messageGiven: boolean;
  readonly message: MessageAccount | undefined;
  /** Something is put off because a resource is not in force. */
  readonly held: boolean;
}

export async function explain(question: Question): Promise<Explanation> {
  const { directory, message } = question;
  const scene: Scene = { ...question, content: contentOf(question) };
  const rehearsal = await rehearse(scene);
  const shown = shownBy(question.client, rehearsal);
  const client = knownAtMail(identifyClient(directory.sources, shown), rehearsal);
  const proof = proofOf(client, rehearsal);
  const known = proof?.ok === true ? proof.client : client;
  const first = firstAccepted(directory, client, rehearsal);
  const recipients = rehearsal.recipients.map((heard) => explainRecipient(directory, client, rehearsal, heard));
  const told = await explainMessage(rehearsal, startOf(question, known, rehearsal), first, question.now);
  const replies = [rehearsal.mail, ...rehearsal.recipients, ...(rehearsal.data === undefined ? [] : [rehearsal.data])];
  return {
    accepted:
      rehearsal.data !== undefined && rehearsal.reported.length === 0 && replies.every(({ reply }) => isSuccess(reply)),
    client: explainClient(directory, shown),
    sender: explainSender(directory, known, rehearsal, first?.recipientDomain),
    recipients,
    proof: proofAccount(client, rehearsal),
    messageGiven: message !== undefined,
    message: told,
    held: replies.some(({ reply }) => formatReply(reply) === formatReply(REFUSAL_REPLIES.Held)),
  };
}

const TENANT_ID = 'X-MS-Exchange-CrossTenant-Id';

/** The message; with the tenant's id above it, as Exchange Online writes it, where the message holds none. */
function contentOf({ message = new Uint8Array(), tenantId }: Question): Uint8Array {
  if (tenantId === undefined) return message;
  const octets = Buffer.from(message);
  const end = octets.toString('latin1').search(/\r?\n\r?\n/);
  const header = parseHeader(end < 0 ? octets : octets.subarray(0, end));
  if (fieldsNamed(header, TENANT_ID.toLowerCase()).length > 0) return message;
  return Buffer.concat([Buffer.from(`${TENANT_ID}: ${tenantId}\r\n`), octets]);
}

function shownBy({ certificate }: Client, { connection }: Rehearsal): ShownClient {
  const { address, tls } = connection;
  return {
    address,
    certificate,
    tls: tls !== undefined,
    certificateMatches: (demand) => tls !== undefined && certificateMatches(tls, demand),
  };
}

/** XOORG= on MAIL may have proven a candidate; then its header need not. */
function knownAtMail(client: ClientIdentity, { organization }: Rehearsal): ClientIdentity {
  if (client.kind !== 'Candidate' || organization === undefined) return client;
  return proveByOrganization(client, organization);
}

function proofOf(client: ClientIdentity, { received, reversePath }: Rehearsal) {
  if (client.kind !== 'Candidate' || received === undefined) return undefined;
  return proveByHeader(client, parseHeader(received.message.headerSection), reversePath?.mailbox === undefined);
}

function proofAccount(client: ClientIdentity, rehearsal: Rehearsal): ProofAccount | undefined {
  if (rehearsal.organization !== undefined && client.kind !== 'Candidate') {
    const tenantRoute = client.kind === 'Tenant' ? client.route.name : undefined;
    return { result: tenantRoute === undefined ? 'Held' : 'Organization', tenantRoute };
  }
  const proof = proofOf(client, rehearsal);
  if (proof === undefined) return undefined;
  const proven = proof.ok && proof.client.kind === 'Tenant' ? proof.client.route.name : undefined;
  return { result: proof.result, tenantRoute: proven };
}

/** What the relay makes a transaction of once the header is read. */
function startOf({ directory, trace }: Question, client: ClientIdentity, rehearsal: Rehearsal): TransactionStart {
  const { connection, parameters, received, reversePath = NULL_PATH } = rehearsal;
  const header = received?.message.headerSection ?? new Uint8Array();
  const journal = client.kind === 'Tenant' && isJournalReport(header);
  const queueId = `${connection.id}.0`;
  return { directory, trace, client, connection, parameters, queueId, reversePath, journal, sign: async () => '' };
}

/** The first that was taken decides on the destination, and so on what is rewritten. */
function firstAccepted(
  directory: Directory,
  client: ClientIdentity,
  rehearsal: Rehearsal,
): AcceptedRecipient | undefined {
  for (const { path, reply } of rehearsal.recipients) {
    if (path === undefined || !isSuccess(reply)) continue;
    return recipientOf(decide(directory, client, rehearsal, path));
  }
  return undefined;
}
