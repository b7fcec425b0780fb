/** One mail transaction, MAIL to the answer after the final dot: no recipient and no message is answered before its next hop has. */

import type { Readable } from 'node:stream';
import { formatMailbox } from '../core/address.ts';
import type { Claim } from '../core/delivery.ts';
import { type Directory, outboundScope } from '../core/directory.ts';
import type { MailParameters, Path } from '../core/envelope.ts';
import { type AcceptedRecipient, decideRecipient, destinationKey } from '../core/recipient.ts';
import { type Reply, reply, replyClass } from '../core/reply.ts';
import type { RuleMatch } from '../core/rule-index.ts';
import type { ClientIdentity } from '../core/source.ts';
import type { ClientConnection } from '../smtp/session.ts';
import { type Answered, deliverContent, refuseMessage, type Sending } from './content.ts';
import type { ReceiveResult, Sign, TransactionEdges } from './edges.ts';
import { Trail } from './trail.ts';
import { type FailedStep, failureFields, judge } from './verdict.ts';

export interface TransactionStart {
  readonly directory: Directory;
  readonly sign: Sign;
  readonly client: ClientIdentity;
  readonly connection: ClientConnection;
  readonly queueId: string;
  readonly reversePath: Path;
  readonly parameters: MailParameters;
}

/** Where all recipients of this transaction go: one destination a transaction (mail-flow §1). */
interface Destination {
  readonly key: string;
  readonly first: AcceptedRecipient;
  readonly reversePath: string;
  readonly claim: Claim;
}

const RECIPIENT_OK = reply(250, '2.1.5', 'OK');
/** RFC 5321 §4.5.3.1.10: the client sends the others again in another transaction. */
const OTHER_DESTINATION = reply(452, '4.5.3', 'Too many recipients for one delivery, please send this one separately');

export class Transaction {
  readonly #edges: TransactionEdges;
  readonly #start: TransactionStart;
  readonly #trail: Trail;
  #destination: Destination | undefined;
  readonly #original: string[] = [];
  readonly #outgoing: string[] = [];
  #gone = false;
  #content = false;

  constructor(edges: TransactionEdges, start: TransactionStart) {
    this.#edges = edges;
    this.#start = start;
    const { queueId, client, connection, reversePath } = start;
    this.#trail = new Trail(edges.tracking, edges.metrics, {
      queueId,
      client,
      connection,
      originalSender: reversePath.text,
    });
  }

  async recipient(path: Path): Promise<Reply> {
    const { directory, client, connection, reversePath } = this.#start;
    const decision = decideRecipient(directory, {
      client,
      tls: connection.tls !== undefined,
      reversePath,
      forwardPath: path,
    });
    if (decision.action === 'Discover') throw new Error('Discover has no way to ask yet');
    if (decision.action === 'Refuse') {
      this.#trail.recipientRefused(path.text, decision.row, decision.reply, { cause: decision.cause });
      return decision.reply;
    }
    const destination = this.#destinationFor(decision);
    if (destination === undefined) {
      this.#trail.recipientRefused(path.text, 'OtherDestination', OTHER_DESTINATION, {
        cause: 'another destination was first',
      });
      return OTHER_DESTINATION;
    }
    // Two aliases of one mailbox are one recipient of the next hop.
    if (!this.#outgoing.includes(decision.forwardPath)) {
      const step = await destination.claim.recipient(decision.forwardPath);
      if (!step.ok) return this.#recipientRefused(path, destination.claim, step);
      this.#outgoing.push(decision.forwardPath);
    }
    this.#original.push(path.text);
    this.#trail.recipientAccepted(path.text, decision);
    return RECIPIENT_OK;
  }

  async data(content: Readable): Promise<Answered> {
    const destination = this.#destination;
    if (destination === undefined || this.#outgoing.length === 0) {
      content.resume();
      return { reply: reply(554, '5.5.1', 'No valid recipients'), delivery: undefined };
    }
    this.#content = true;
    const sending = this.#sending(destination);
    const received = await this.#edges.receive(content, this.#start.directory.config.fleet.limits);
    if (!received.ok) return { reply: this.#notReceived(sending, content, received), delivery: undefined };
    const { message } = received;
    const inFile = message.body.memory === undefined ? message.body.size : 0;
    this.#edges.metrics.spoolBytes.add(inFile);
    try {
      return await deliverContent(this.#edges, sending, message);
    } finally {
      this.#edges.metrics.spoolBytes.add(-inFile);
      message.dispose();
    }
  }

  release(): void {
    this.#destination?.claim.release();
  }

  /** RSET, or a new MAIL: the next hop hears of no message. */
  abandon(): void {
    this.release();
  }

  /** The client's connection is gone: a delivery after its dot goes on, and is remembered. */
  clientGone(): void {
    this.#gone = true;
    if (!this.#content) this.release();
  }

  #destinationFor(recipient: AcceptedRecipient): Destination | undefined {
    const key = destinationKey(this.#start.directory, recipient);
    if (this.#destination?.key === key) return this.#destination;
    if (this.#outgoing.length > 0) return undefined;
    this.#destination?.claim.release();
    const reversePath = this.#rewrittenReversePath(recipient);
    const claim = this.#edges.nextHops.claim({
      target: recipient.target,
      reversePath,
      parameters: this.#start.parameters,
    });
    this.#destination = { key, first: recipient, reversePath, claim };
    return this.#destination;
  }

  /** `<>` is never rewritten, and the internet's reverse-paths are kept (mail-flow §6). */
  #rewrittenReversePath(recipient: AcceptedRecipient): string {
    const { reversePath, client, directory } = this.#start;
    if (client.kind !== 'Tenant' || reversePath.mailbox === undefined) return reversePath.text;
    const audited: RuleMatch[] = [];
    const scope = outboundScope(directory, client.route, recipient.recipientDomain);
    const found = directory.rules.rewriteOutbound(reversePath.mailbox, scope, audited);
    for (const { rule, mailbox } of audited)
      this.#trail.audited('reverse_path', rule, reversePath.text, formatMailbox(mailbox));
    if (found === undefined) return reversePath.text;
    this.#edges.metrics.rewrites.reverse_path.add();
    return formatMailbox(found.mailbox);
  }

  #recipientRefused(path: Path, claim: Claim, step: FailedStep): Reply {
    const heard = judge(this.#edges, this.#start, claim, step);
    const decision = replyClass(heard) === 'permanent' ? 'NextHopRefused' : 'NextHopDeferred';
    this.#trail.recipientRefused(path.text, decision, heard, failureFields(claim, step));
    return heard;
  }

  #sending({ claim, first, reversePath }: Destination): Sending {
    return {
      start: this.#start,
      trail: this.#trail,
      claim,
      recipient: first,
      reversePath,
      original: this.#original,
      outgoing: this.#outgoing,
    };
  }

  #notReceived(sending: Sending, content: Readable, received: Extract<ReceiveResult, { ok: false }>): Reply {
    if (received.cause !== undefined) this.#edges.metrics.spoolFailures.add();
    if (!this.#gone && !content.errored) {
      const cause = received.cause === undefined ? 'the message is outside the limits' : String(received.cause);
      return refuseMessage(sending, received.reply, { cause });
    }
    this.#trail.event('DROP', { recipients: this.#outgoing, cause: 'the client left before its final dot' });
    this.#trail.messageEnded(sending.claim.target, 'abandoned');
    return received.reply;
  }
}
