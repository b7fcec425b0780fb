/** What one transaction leaves behind to be seen: tracking lines and counts, with the facts that all of them share. */

import { formatMailbox } from '../core/address.ts';
import type { Claim, Target } from '../core/delivery.ts';
import type { AcceptedRecipient } from '../core/recipient.ts';
import { formatReply, type Reply, replyClass } from '../core/reply.ts';
import type { AnnouncedPath } from '../core/reverse-path.ts';
import type { ClientIdentity } from '../core/source.ts';
import { tlsText } from '../core/tls-text.ts';
import type { MessageDirection, MessageResult, Metrics, RecipientDecision } from '../metrics/metrics.ts';
import type { ClientConnection } from '../smtp/session.ts';
import type { Tracking, TrackingEvent } from '../tracking/tracking.ts';

/** DEFER or FAIL, by the class of what the client hears. */
export function refusalEvent(heard: Reply): 'DEFER' | 'FAIL' {
  return replyClass(heard) === 'permanent' ? 'FAIL' : 'DEFER';
}

export interface TrailSubject {
  readonly queueId: string;
  readonly client: ClientIdentity;
  readonly connection: ClientConnection;
  readonly originalSender: string;
}

export class Trail {
  readonly #tracking: Tracking;
  readonly #metrics: Metrics;
  readonly #subject: TrailSubject;

  constructor(tracking: Tracking, metrics: Metrics, subject: TrailSubject) {
    this.#tracking = tracking;
    this.#metrics = metrics;
    this.#subject = subject;
  }

  /** `fields` come after the facts of the transaction, in the line too. */
  event(event: TrackingEvent['event'], fields: Omit<TrackingEvent, 'event'>): void {
    const { queueId, client, connection, originalSender } = this.#subject;
    this.#tracking.event({
      event,
      queueId,
      clientAddress: connection.address,
      clientHelo: connection.heloName,
      clientTls: tlsText(connection.tls),
      clientTenant: client.kind === 'Tenant' ? client.route.name : undefined,
      originalSender,
      ...fields,
    });
  }

  recipientRefused(
    path: string,
    decision: RecipientDecision,
    heard: Reply,
    fields: Omit<TrackingEvent, 'event'>,
  ): void {
    this.#metrics.recipients[decision].add();
    this.event(refusalEvent(heard), { originalRecipients: [path], ...fields, reply: formatReply(heard) });
  }

  recipientAccepted(path: string, recipient: AcceptedRecipient): void {
    this.#metrics.recipients[recipient.resolution].add();
    if (path === recipient.forwardPath) return;
    this.#metrics.rewrites.forward_path.add();
    this.event(recipient.resolution === 'Rule' ? 'RESOLVE' : 'REDIRECT', {
      originalRecipients: [path],
      recipients: [recipient.forwardPath],
      recipientTenant: tenantOf(recipient.target),
      rule: recipient.rule,
    });
  }

  /** An address that a rule in Audit mode would have rewritten. */
  audited(kind: 'reverse_path' | 'forward_path' | 'header', rule: string, from: string, to: string): void {
    this.#metrics.auditedRewrites[kind].add();
    this.event('AGENTINFO', { rule, cause: `audit: would rewrite ${kind} ${from} to ${to}` });
  }

  /** What the next hop hears as the sender, and what rules in Audit mode would have made of it. */
  reversePathAnnounced(original: string, { rewritten, audited }: AnnouncedPath): void {
    for (const { rule, mailbox } of audited) this.audited('reverse_path', rule, original, formatMailbox(mailbox));
    if (rewritten) this.#metrics.rewrites.reverse_path.add();
  }

  messageEnded(target: Target, result: MessageResult): void {
    this.#metrics.messages[this.#direction(target)][result].add();
  }

  #direction(target: Target): MessageDirection {
    if (target.kind !== 'TenantRoute') return 'outbound';
    return this.#subject.client.kind === 'Tenant' ? 'between_tenants' : 'inbound';
  }
}

export function tenantOf(target: Target): string | undefined {
  return target.kind === 'TenantRoute' ? target.name : undefined;
}

export function nextHopFields(claim: Claim): Omit<TrackingEvent, 'event'> {
  const { connection } = claim;
  return {
    recipientTenant: tenantOf(claim.target),
    nextHopHost: connection?.host,
    nextHopAddress: connection?.address,
    nextHopTls: tlsText(connection?.tls),
  };
}
