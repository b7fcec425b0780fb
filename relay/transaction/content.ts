/** From the client's final dot to its answer: compose, deliver, and say what became of it. */

import type { Claim } from '../core/delivery.ts';
import { contentSize, type ReceivedMessage } from '../core/message.ts';
import type { AcceptedRecipient } from '../core/recipient.ts';
import { formatReply, type Reply, reply, replyClass } from '../core/reply.ts';
import type { TrackingEvent } from '../tracking/tracking.ts';
import { type ComposedMessage, compose } from './compose.ts';
import { type Delivery, keepsakeOf } from './delivered-memory.ts';
import type { TransactionEdges } from './edges.ts';
import { nextHopFields, refusalEvent, type Trail } from './trail.ts';
import type { TransactionStart } from './start.ts';
import { failureFields, judge } from './verdict.ts';

/** A transaction whose recipients are accepted and whose message is here. */
export interface Sending {
  readonly start: TransactionStart;
  readonly trail: Trail;
  readonly claim: Claim;
  /** One that stands for all: they share a destination. */
  readonly recipient: AcceptedRecipient;
  readonly reversePath: string;
  /** Forward-paths as they came and as they go out. */
  readonly original: readonly string[];
  readonly outgoing: readonly string[];
  /** When the client's final dot came, as performance.now() counts. */
  readonly finalDot: number;
}

/** What a message that goes nowhere leaves behind: perhaps no next hop was ever asked. */
export type Refused = Pick<Sending, 'trail' | 'recipient' | 'reversePath' | 'original' | 'outgoing'>;

export interface Answered {
  readonly reply: Reply;
  /** A next hop has taken it: to be remembered if the client never hears of it. */
  readonly delivery: Delivery | undefined;
}

export async function deliverContent(
  edges: TransactionEdges,
  sending: Sending,
  message: ReceivedMessage,
): Promise<Answered> {
  const { start, claim, recipient } = sending;
  const { metrics } = edges;
  const { finalDot } = sending;
  const composed = await compose(start, recipient, sending.reversePath, message, edges.now());
  if (!composed.ok) {
    return { reply: refuseMessage(sending, composed.reply, { cause: composed.cause }), delivery: undefined };
  }
  received(edges, sending, composed, message);
  const delivery: Delivery = {
    client: start.client.kind === 'Tenant' ? start.client.route.name : start.connection.address,
    reversePath: sending.reversePath,
    recipients: sending.outgoing,
    messageId: composed.messageId,
    body: keepsakeOf(message.body),
  };
  if (edges.delivered.recall(delivery)) return { reply: answerFromMemory(edges, sending, composed), delivery };
  const deadline = finalDot + start.directory.config.fleet.limits.deliveryTimeoutSeconds * 1000;
  const step = await claim.deliver(composed.content, deadline);
  const seconds = (performance.now() - finalDot) / 1000;
  metrics.deliverySeconds[claim.target.kind].observe(seconds);
  if (!step.ok) {
    const heard = judge(edges, start, claim, step);
    const fields = { messageId: composed.messageId, ...failureFields(claim, step) };
    return { reply: refuseMessage(sending, heard, fields), delivery: undefined };
  }
  edges.findings.nextHopTakes(claim.target);
  metrics.deliveredBytes.add(contentSize(composed.content));
  sending.trail.event('SEND', {
    messageId: composed.messageId,
    ...envelopeFields(sending),
    size: contentSize(composed.content),
    ...nextHopFields(claim),
    nextHopReply: formatReply(step.reply),
    latencyMs: Math.round(seconds * 1000),
  });
  sending.trail.messageEnded(claim.target, 'delivered');
  return { reply: reply(250, '2.0.0', `OK ${start.queueId} delivered`), delivery };
}

export function refuseMessage(sending: Refused, heard: Reply, fields: Omit<TrackingEvent, 'event'>): Reply {
  sending.trail.event(refusalEvent(heard), { ...envelopeFields(sending), ...fields, reply: formatReply(heard) });
  sending.trail.messageEnded(sending.recipient.target, replyClass(heard) === 'permanent' ? 'refused' : 'deferred');
  return heard;
}

function received(
  edges: TransactionEdges,
  sending: Sending,
  composed: ComposedMessage,
  message: ReceivedMessage,
): void {
  const { metrics } = edges;
  const size = contentSize(message);
  for (const { rule, from, to } of composed.audited) sending.trail.audited('header', rule, from, to);
  metrics.rewrites.header.add(composed.changes.length);
  metrics.receivedBytes.add(size);
  metrics.bareLineEndings.add(message.bareLineEndings);
  sending.trail.event('RECEIVE', { messageId: composed.messageId, ...envelopeFields(sending), size });
}

function answerFromMemory(edges: TransactionEdges, sending: Sending, composed: ComposedMessage): Reply {
  edges.metrics.answeredFromMemory.add();
  const cause = 'delivered before; its client had gone without our answer';
  sending.trail.event('DUPLICATEDELIVER', { messageId: composed.messageId, ...envelopeFields(sending), cause });
  sending.trail.messageEnded(sending.claim.target, 'delivered');
  return reply(250, '2.0.0', `OK ${sending.start.queueId} delivered before`);
}

function envelopeFields({ reversePath, original, outgoing }: Refused) {
  return { sender: reversePath, originalRecipients: original, recipients: outgoing };
}
