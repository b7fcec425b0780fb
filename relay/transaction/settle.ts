/**
 * Between the headers and the delivery: says who a candidate turned out to be, and asks the next hop what could not be
 * asked before.
 */

import type { Claim } from '../core/delivery.ts';
import { isNullPath } from '../core/envelope.ts';
import { parseHeader } from '../core/header.ts';
import { isJournalReport } from '../core/journal.ts';
import type { ReceivedMessage } from '../core/message.ts';
import { proveByHeader } from '../core/proof.ts';
import { decideRecipient, REFUSAL_REPLIES } from '../core/recipient.ts';
import type { Reply } from '../core/reply.ts';
import { announcedReversePath } from '../core/reverse-path.ts';
import type { ClientIdentity } from '../core/source.ts';
import { askAgain } from './ask-again.ts';
import { refuseMessage, type Refused, type Sending } from './content.ts';
import type { TransactionEdges } from './edges.ts';
import { takesMessage, TOO_FAST } from './message-rate.ts';
import type { FailedRecipient, Promised, TakenRecipient } from './promised.ts';
import { Trail } from './trail.ts';

export type Settled = { readonly ok: true; readonly sending: Sending } | { readonly ok: false; readonly reply: Reply };

export async function settle(
  edges: TransactionEdges,
  promised: Promised,
  message: ReceivedMessage,
  finalDot: number,
): Promise<Settled> {
  const identified = identify(edges, promised, message);
  if (!identified.ok) return identified;
  const { client } = identified;
  const unproven = promised.start.client.kind === 'Candidate';
  const journal = client.kind === 'Tenant' && isJournalReport(message.headerSection);
  if (!unproven && !journal && promised.claim !== undefined) {
    return { ok: true, sending: sendingOf(promised, promised.claim, finalDot) };
  }
  const known = knownAs(edges, promised, client, journal);
  const reversePath = journal ? promised.start.reversePath.text : reversePathOf(edges, known);
  const checked = unproven ? checkAgain(known) : { taken: known.taken, failed: [] };
  if (checked === 'Held') {
    return refused(known, REFUSAL_REPLIES.Held, 'what the proven tenant sends belongs to a resource not in force');
  }
  const next = { ...known, taken: checked.taken, reversePath };
  if (promised.claim !== undefined && checked.failed.length === 0 && reversePath === promised.reversePath) {
    return { ok: true, sending: sendingOf(next, promised.claim, finalDot) };
  }
  promised.claim?.release();
  const asked = await askAgain(edges, next, checked.failed, message, finalDot);
  if (!asked.ok) return refused(next, asked.reply, asked.cause);
  return { ok: true, sending: sendingOf({ ...next, taken: asked.taken }, asked.claim, finalDot) };
}

function identify(
  edges: TransactionEdges,
  promised: Promised,
  message: ReceivedMessage,
): { readonly ok: true; readonly client: ClientIdentity } | Extract<Settled, { ok: false }> {
  const { client, reversePath, directory, connection, queueId } = promised.start;
  if (client.kind !== 'Candidate') return { ok: true, client };
  const proof = proveByHeader(client, parseHeader(message.headerSection), isNullPath(reversePath));
  edges.metrics.proofs[proof.result].add();
  if (!proof.ok) {
    if (proof.warn) edges.log.warn(`mail of Exchange Online waits: ${proof.cause}`, { queueId });
    return refused(promised, proof.reply, proof.cause);
  }
  const proven = proof.client;
  if (proven.kind !== 'Tenant' && promised.claim === undefined) {
    return refused(promised, REFUSAL_REPLIES.RelayingDenied, 'the headers of a candidate prove no tenant of ours');
  }
  if (
    proven.kind === 'Tenant' &&
    !takesMessage(edges.rate, proven, connection.address, directory.config.fleet.limits)
  ) {
    return refused(promised, TOO_FAST, 'limits.messagesPerMinutePerClient of the proven tenant is exceeded');
  }
  return { ok: true, client: proven };
}

function knownAs(edges: TransactionEdges, promised: Promised, client: ClientIdentity, journal: boolean): Promised {
  const start = { ...promised.start, client, journal };
  const { queueId, connection, reversePath } = start;
  const subject = { queueId, client, connection, originalSender: reversePath.text };
  return { ...promised, start, trail: new Trail(edges.tracking, edges.metrics, subject) };
}

function reversePathOf(edges: TransactionEdges, { start, first, trail }: Promised): string {
  const announced = announcedReversePath(start.directory, start.client, start.reversePath, first.recipientDomain);
  trail.reversePathAnnounced(start.reversePath.text, announced);
  return announced.text;
}

/** The rows of the table once more, for the tenant that the headers prove; the internet's were decided as such. */
function checkAgain({
  start,
  taken,
}: Promised): { readonly taken: readonly TakenRecipient[]; readonly failed: FailedRecipient[] } | 'Held' {
  const { client, directory, connection, reversePath } = start;
  if (client.kind !== 'Tenant') return { taken, failed: [] };
  const kept: TakenRecipient[] = [];
  const failed: FailedRecipient[] = [];
  for (const { path, recipient } of taken) {
    const question = { client, tls: connection.tls !== undefined, reversePath, forwardPath: path };
    const decision = decideRecipient(directory, question);
    switch (decision.action) {
      case 'Accept':
        kept.push({ path, recipient: decision });
        break;
      case 'Discover':
        kept.push({ path, recipient });
        break;
      case 'Refuse':
        if (decision.row === 'Held') return 'Held';
        failed.push({ path, reply: decision.reply, cause: decision.cause });
        break;
      case 'Provisional':
        throw new Error('a proven tenant has no provisional recipients');
    }
  }
  return { taken: kept, failed };
}

function refused(promised: Promised, value: Reply, cause: string): Extract<Settled, { ok: false }> {
  return { ok: false, reply: refuseMessage(refusedOf(promised), value, { cause }) };
}

export function refusedOf({ trail, first, reversePath, taken }: Promised): Refused {
  return {
    trail,
    recipient: first,
    reversePath,
    original: taken.map(({ path }) => path.text),
    outgoing: outgoingOf(taken),
  };
}

function sendingOf(promised: Promised, claim: Claim, finalDot: number): Sending {
  return { ...refusedOf(promised), start: promised.start, claim, finalDot };
}

/** Two aliases of one mailbox are one recipient of the next hop. */
export function outgoingOf(taken: readonly TakenRecipient[]): string[] {
  return [...new Set(taken.map(({ recipient }) => recipient.forwardPath))];
}
