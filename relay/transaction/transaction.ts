/** One mail transaction, MAIL to the answer after the final dot: no recipient and no message is answered before its next hop has. */

import type { Readable } from 'node:stream';
import type { Claim } from '../core/delivery.ts';
import { DISCOVERY_REPLIES, readAnswer, refuseDiscovery, type RefusedDiscovery } from '../core/discovery.ts';
import type { Path } from '../core/envelope.ts';
import { clientKey } from '../core/network.ts';
import { type AcceptedRecipient, decideRecipient, destinationKey } from '../core/recipient.ts';
import { type Reply, reply, replyClass } from '../core/reply.ts';
import { announcedReversePath } from '../core/reverse-path.ts';
import { sharesItsAddress } from '../core/source.ts';
import { type Answered, deliverContent, refuseMessage } from './content.ts';
import type { ReceiveResult, TransactionEdges } from './edges.ts';
import type { TransactionStart } from './start.ts';
import type { Promised, TakenRecipient } from './promised.ts';
import { outgoingOf, refusedOf, settle } from './settle.ts';
import { Trail } from './trail.ts';
import { type FailedStep, failureFields, judge } from './verdict.ts';

/** Where all recipients of this transaction go: one destination a transaction (mail-flow §1). */
interface Destination {
  readonly key: string;
  readonly first: AcceptedRecipient;
  readonly reversePath: string;
  /** undefined for provisional recipients: no next hop is asked before the headers prove the tenant. */
  readonly claim: Claim | undefined;
}

const RECIPIENT_OK = reply(250, '2.1.5', 'OK');
/** RFC 5321 §4.5.3.1.10: the client sends the others again in another transaction. */
const OTHER_DESTINATION = reply(452, '4.5.3', 'Too many recipients for one delivery, please send this one separately');

export class Transaction {
  readonly #edges: TransactionEdges;
  readonly #start: TransactionStart;
  readonly #trail: Trail;
  #destination: Destination | undefined;
  readonly #taken: TakenRecipient[] = [];
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
    const first = decideRecipient(directory, {
      client,
      tls: connection.tls !== undefined,
      reversePath,
      forwardPath: path,
    });
    const decision = first.action === 'Discover' ? await this.#discover(first.candidates) : first;
    if (decision.action === 'Refuse') {
      this.#trail.recipientRefused(path.text, decision.row, decision.reply, { cause: decision.cause });
      return decision.reply;
    }
    const provisional = decision.action === 'Provisional';
    const recipient = provisional ? decision.recipient : decision;
    const destination = this.#destinationFor(recipient, provisional);
    if (destination === undefined) {
      this.#trail.recipientRefused(path.text, 'OtherDestination', OTHER_DESTINATION, {
        cause: 'another destination was first',
      });
      return OTHER_DESTINATION;
    }
    const { claim } = destination;
    if (claim === undefined) {
      this.#edges.metrics.recipients.Provisional.add();
    } else {
      // Two aliases of one mailbox are one recipient of the next hop.
      if (!this.#taken.some((taken) => taken.recipient.forwardPath === recipient.forwardPath)) {
        const step = await claim.recipient(recipient.forwardPath);
        if (!step.ok) return this.#recipientRefused(path, recipient, claim, step);
      }
      this.#trail.recipientAccepted(path.text, recipient);
    }
    this.#taken.push({ path, recipient });
    return RECIPIENT_OK;
  }

  async data(content: Readable): Promise<Answered> {
    const destination = this.#destination;
    if (destination === undefined || this.#taken.length === 0) {
      content.resume();
      return { reply: reply(554, '5.5.1', 'No valid recipients'), delivery: undefined };
    }
    this.#content = true;
    const promised = this.#promised(destination);
    const received = await this.#edges.receive(content, this.#start.directory.config.fleet.limits);
    const finalDot = performance.now();
    if (!received.ok) return { reply: this.#notReceived(promised, content, received), delivery: undefined };
    const { message } = received;
    const inFile = message.body.memory === undefined ? message.body.size : 0;
    this.#edges.metrics.spoolBytes.add(inFile);
    try {
      const settled = await settle(this.#edges, promised, message, finalDot);
      if (!settled.ok) return { reply: settled.reply, delivery: undefined };
      this.#destination = { ...destination, claim: settled.sending.claim };
      return await deliverContent(this.#edges, settled.sending, message);
    } finally {
      this.#edges.metrics.spoolBytes.add(-inFile);
      message.dispose();
    }
  }

  /** The end, or RSET: whatever is still open at the next hop is let go. */
  release(): void {
    this.#destination?.claim?.release();
  }

  /** The client's connection is gone: a delivery after its dot goes on, and is remembered. */
  clientGone(): void {
    this.#gone = true;
    if (!this.#content) this.release();
  }

  /** What is asked now and what is asked after the proof never share a transaction: the refusal would tell who is where. */
  #destinationFor(recipient: AcceptedRecipient, provisional: boolean): Destination | undefined {
    const { directory, client, reversePath, parameters } = this.#start;
    const key = `${provisional ? 'provisional ' : ''}${destinationKey(directory, recipient)}`;
    if (this.#destination?.key === key) return this.#destination;
    if (this.#taken.length > 0) return undefined;
    this.#destination?.claim?.release();
    const announced = announcedReversePath(directory, client, reversePath, recipient.recipientDomain);
    // Of a candidate it is not known yet whether it will stay so.
    if (client.kind === 'Tenant') this.#trail.reversePathAnnounced(reversePath.text, announced);
    const claim = provisional
      ? undefined
      : this.#edges.nextHops.claim({ target: recipient.target, reversePath: announced.text, parameters });
    this.#destination = { key, first: recipient, reversePath: announced.text, claim };
    return this.#destination;
  }

  /** Clients from the internet are counted; of Exchange Online's there is only the budget for all (mail-flow §7). */
  async #discover(candidates: readonly AcceptedRecipient[]): Promise<AcceptedRecipient | RefusedDiscovery> {
    const { client, connection } = this.#start;
    const uncounted = client.kind === 'Tenant' || sharesItsAddress(client);
    const countedAs = uncounted ? undefined : clientKey(connection.address);
    const found = await this.#edges.discoverer.discover(candidates, countedAs);
    // Nobody is left for whom a claim should be kept.
    return this.#gone ? refuseDiscovery('Undecided', 'the client left') : found;
  }

  #recipientRefused(path: Path, recipient: AcceptedRecipient, claim: Claim, step: FailedStep): Reply {
    const judged = judge(this.#edges, this.#start, claim, step);
    const moved = recipient.resolution === 'Discovered' && readAnswer(step, claim.target).answer === 'Unknown';
    // Who had taken it does not know it any more: another tenant may, and is asked when the client tries again.
    if (moved) this.#edges.discoverer.forget(recipient);
    const heard = moved ? DISCOVERY_REPLIES.Undecided : judged;
    const decision = replyClass(heard) === 'permanent' ? 'NextHopRefused' : 'NextHopDeferred';
    this.#trail.recipientRefused(path.text, decision, heard, failureFields(claim, step));
    return heard;
  }

  #promised({ claim, first, reversePath }: Destination): Promised {
    return { start: this.#start, trail: this.#trail, taken: this.#taken, first, reversePath, claim };
  }

  #notReceived(promised: Promised, content: Readable, received: Extract<ReceiveResult, { ok: false }>): Reply {
    if (received.cause !== undefined) this.#edges.metrics.spoolFailures.add();
    if (!this.#gone && !content.errored) {
      const cause = received.cause === undefined ? 'the message is outside the limits' : String(received.cause);
      return refuseMessage(refusedOf(promised), received.reply, { cause });
    }
    this.#trail.event('DROP', { recipients: outgoingOf(this.#taken), cause: 'the client left before its final dot' });
    this.#trail.messageEnded(promised.first.target, 'abandoned');
    return received.reply;
  }
}
