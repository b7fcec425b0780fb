/** One mail transaction, MAIL to the answer after the final dot: no recipient and no message is answered before its next hop has. */

import type { Readable } from 'node:stream';
import { formatMailbox, parseMailbox } from '../core/address.ts';
import type { Claim, StepResult } from '../core/delivery.ts';
import { type Directory, outboundScope } from '../core/directory.ts';
import type { MailParameters, Path } from '../core/envelope.ts';
import { contentSize, type ReceivedMessage } from '../core/message.ts';
import { genericText, judgeRefusal, tenantText } from '../core/outcome.ts';
import { type AcceptedRecipient, decideRecipient, destinationKey } from '../core/recipient.ts';
import { formatReply, type Reply, reply, replyClass } from '../core/reply.ts';
import type { RuleMatch } from '../core/rule-index.ts';
import type { ClientIdentity } from '../core/source.ts';
import type { ClientConnection } from '../smtp/session.ts';
import { type ComposedMessage, compose } from './compose.ts';
import type { Delivery } from './delivered-memory.ts';
import type { ReceiveResult, Sign, TransactionEdges } from './edges.ts';
import { nextHopFields, refusalEvent, Trail } from './trail.ts';

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
    if (decision.action === 'Refuse') {
      this.#trail.recipientRefused(path.text, decision.row, decision.reply, decision.cause);
      return decision.reply;
    }
    const destination = this.#destinationFor(decision);
    if (destination === undefined) {
      this.#trail.recipientRefused(path.text, 'OtherDestination', OTHER_DESTINATION, 'another destination was first');
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

  async data(content: Readable): Promise<Reply> {
    const destination = this.#destination;
    if (destination === undefined || this.#outgoing.length === 0) {
      content.resume();
      return reply(554, '5.5.1', 'No valid recipients');
    }
    this.#content = true;
    const received = await this.#edges.receive(content, this.#start.directory.config.fleet.limits);
    if (!received.ok) return this.#notReceived(destination, content, received);
    try {
      return await this.#deliver(destination, received.message);
    } finally {
      received.message.dispose();
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

  #recipientRefused(path: Path, claim: Claim, step: Extract<StepResult, { ok: false }>): Reply {
    const heard = this.#judge(claim, step);
    const decision = replyClass(heard) === 'permanent' ? 'NextHopRefused' : 'NextHopDeferred';
    this.#trail.recipientRefused(path.text, decision, heard, describe(step), claim);
    return heard;
  }

  /** Whose fault it is, in words for whoever asked. */
  #judge(claim: Claim, step: Extract<StepResult, { ok: false }>): Reply {
    const { client, directory } = this.#start;
    const outcome = judgeRefusal(step.refusal, claim.target);
    this.#edges.metrics.nextHopRefusals[step.refusal.stage].add();
    if (outcome.refusesUs !== undefined) {
      this.#edges.metrics.nextHopRefusesUs.add();
      this.#edges.findings.nextHopRefuses(claim.target, outcome.refusesUs);
    }
    const { code, enhancedStatus } = outcome.reply;
    if (!outcome.keepsText) return outcome.reply;
    if (client.kind !== 'Tenant')
      return reply(code, enhancedStatus, `${genericText(outcome.reply)} (${this.#start.queueId})`);
    const rewrite = (address: string) => {
      const parsed = parseMailbox(address);
      const found = parsed.ok
        ? directory.rules.rewriteOutbound(parsed.value, outboundScope(directory, client.route))
        : undefined;
      return found === undefined ? address : formatMailbox(found.mailbox);
    };
    return reply(code, enhancedStatus, tenantText(outcome.reply.text, rewrite));
  }

  #notReceived(destination: Destination, content: Readable, received: Extract<ReceiveResult, { ok: false }>): Reply {
    const { target } = destination.first;
    if (received.cause !== undefined) this.#edges.metrics.spoolFailures.add();
    if (!this.#gone && !content.errored) {
      const cause = received.cause === undefined ? 'the message is outside the limits' : String(received.cause);
      return this.#messageRefused(destination, received.reply, cause);
    }
    this.#trail.event('DROP', { recipients: this.#outgoing, cause: 'the client left before its final dot' });
    this.#trail.messageEnded(target, 'abandoned');
    return received.reply;
  }

  async #deliver(destination: Destination, message: ReceivedMessage): Promise<Reply> {
    const { limits } = this.#start.directory.config.fleet;
    const finalDot = performance.now();
    const composed = compose(this.#start, destination.first, message, this.#edges.now());
    if (!composed.ok) return this.#messageRefused(destination, composed.reply, composed.cause);
    this.#trackReceived(destination, composed, message);
    const delivery: Delivery = {
      client: this.#start.client.kind === 'Tenant' ? this.#start.client.route.name : this.#start.connection.address,
      reversePath: destination.reversePath,
      recipients: this.#outgoing,
      messageId: composed.messageId,
      body: message.body,
    };
    if (this.#edges.delivered.recall(delivery)) return this.#answeredFromMemory(destination, composed);
    const step = await destination.claim.deliver(composed.content, finalDot + limits.deliveryTimeoutSeconds * 1000);
    const seconds = (performance.now() - finalDot) / 1000;
    this.#edges.metrics.deliverySeconds[destination.first.target.kind].observe(seconds);
    if (!step.ok) {
      const heard = this.#judge(destination.claim, step);
      return this.#messageRefused(destination, heard, describe(step), composed);
    }
    if (this.#gone) {
      this.#edges.metrics.clientGoneAfterDot.add();
      this.#edges.delivered.remember(delivery);
    }
    this.#edges.findings.nextHopTakes(destination.first.target);
    this.#edges.metrics.deliveredBytes.add(contentSize(composed.content));
    return this.#delivered(destination, composed, step.reply, seconds);
  }

  #delivered(destination: Destination, composed: ComposedMessage, said: Reply, seconds: number): Reply {
    const heard = reply(250, '2.0.0', `OK ${this.#start.queueId} delivered`);
    this.#trail.event('SEND', {
      messageId: composed.messageId,
      sender: destination.reversePath,
      recipients: this.#outgoing,
      ...nextHopFields(destination.claim),
      nextHopReply: formatReply(said),
      latencyMs: Math.round(seconds * 1000),
    });
    this.#trail.messageEnded(destination.first.target, 'delivered');
    return heard;
  }

  #answeredFromMemory(destination: Destination, composed: ComposedMessage): Reply {
    this.#edges.metrics.answeredFromMemory.add();
    this.#trail.event('DUPLICATEDELIVER', {
      messageId: composed.messageId,
      recipients: this.#outgoing,
      cause: 'delivered before; its client had gone without our answer',
    });
    this.#trail.messageEnded(destination.first.target, 'delivered');
    return reply(250, '2.0.0', `OK ${this.#start.queueId} delivered before`);
  }

  #trackReceived(destination: Destination, composed: ComposedMessage, message: ReceivedMessage): void {
    const size = contentSize(message);
    for (const { rule, from, to } of composed.audited) this.#trail.audited('header', rule, from, to);
    this.#edges.metrics.rewrites.header.add(composed.changes.length);
    this.#edges.metrics.receivedBytes.add(size);
    this.#edges.metrics.bareLineEndings.add(message.bareLineEndings);
    this.#trail.event('RECEIVE', {
      messageId: composed.messageId,
      sender: destination.reversePath,
      originalRecipients: this.#original,
      recipients: this.#outgoing,
      size,
    });
  }

  #messageRefused(destination: Destination, heard: Reply, cause: string, composed?: ComposedMessage): Reply {
    this.#trail.event(refusalEvent(heard), {
      messageId: composed?.messageId,
      recipients: this.#outgoing,
      ...nextHopFields(destination.claim),
      reply: formatReply(heard),
      cause,
    });
    this.#trail.messageEnded(destination.first.target, replyClass(heard) === 'permanent' ? 'refused' : 'deferred');
    return heard;
  }
}

/** What happened at the next hop, for the log: its own words whole. */
function describe(step: Extract<StepResult, { ok: false }>): string {
  const { stage, cause, reply: said } = step.refusal;
  return said === undefined ? `${stage}: ${cause}` : `${stage}: ${cause}: ${formatReply(said)}`;
}
