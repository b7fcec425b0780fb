/**
 * MAIL and RCPT to a next hop after the message has come: all taken, all refused, or a report to the sender for those
 * that were refused for good (mail-flow §4).
 */

import type { Claim } from '../core/delivery.ts';
import type { ReceivedMessage } from '../core/message.ts';
import { formatReply, type Reply, reply, replyClass } from '../core/reply.ts';
import type { TransactionEdges } from './edges.ts';
import type { FailedRecipient, Promised, TakenRecipient } from './promised.ts';
import { reportFailed } from './report.ts';
import { failureFields, judge } from './verdict.ts';

export type Asked =
  | { readonly ok: true; readonly claim: Claim; readonly taken: readonly TakenRecipient[] }
  | { readonly ok: false; readonly reply: Reply; readonly cause: string };

const NOT_ALL = reply(451, '4.5.3', 'Not all recipients can be reached now, please try again later');
const OVER = reply(451, '4.4.7', 'The recipients could not all be asked in time, please try again later');
const NO_REPORT = reply(451, '4.4.0', 'Some recipients were refused, and their sender could not be told');

/** `failed` are those refused already: `promised.taken` does not hold them. */
export async function askAgain(
  edges: TransactionEdges,
  promised: Promised,
  failed: readonly FailedRecipient[],
  message: ReceivedMessage,
  finalDot: number,
): Promise<Asked> {
  const { start, reversePath, first } = promised;
  for (const { path, reply: heard, cause } of failed) {
    promised.trail.recipientRefused(path.text, 'Unknown', heard, { cause });
  }
  if (promised.taken.length === 0) return allRefused(failed);
  const claim = edges.nextHops.claim({ target: first.target, reversePath, parameters: start.parameters });
  const answered = await askAll(edges, promised, claim, finalDot);
  const refused = [...failed, ...answered.refused];
  if (answered.later !== undefined || (refused.length > 0 && answered.taken.length > 0)) {
    const obstacle = answered.later ?? (await tell(edges, promised, refused, message, finalDot));
    if (obstacle !== undefined) {
      claim.release();
      return obstacle;
    }
  }
  if (answered.taken.length > 0) return { ok: true, claim, taken: answered.taken };
  claim.release();
  return allRefused(refused);
}

interface Answers {
  readonly taken: TakenRecipient[];
  readonly refused: FailedRecipient[];
  /** Somebody is to be tried again: all are, as nothing here keeps mail. */
  readonly later: Extract<Asked, { ok: false }> | undefined;
}

async function askAll(edges: TransactionEdges, promised: Promised, claim: Claim, finalDot: number): Promise<Answers> {
  const { start, trail } = promised;
  const taken: TakenRecipient[] = [];
  const refused: FailedRecipient[] = [];
  const known = new Map<string, FailedRecipient | 'taken'>();
  const until = finalDot + start.directory.config.fleet.limits.deliveryTimeoutSeconds * 1000;
  for (const { path, recipient } of promised.taken) {
    const { forwardPath } = recipient;
    if (!known.has(forwardPath)) {
      if (performance.now() >= until) return { taken, refused, later: { ok: false, reply: OVER, cause: 'too slow' } };
      const step = await claim.recipient(forwardPath);
      if (step.ok) known.set(forwardPath, 'taken');
      else {
        const heard = judge(edges, start, claim, step);
        const fields = failureFields(claim, step);
        if (replyClass(heard) !== 'permanent') {
          trail.recipientRefused(path.text, 'NextHopDeferred', heard, fields);
          const value = reply(451, heard.enhancedStatus, heard.text);
          return {
            taken,
            refused,
            later: { ok: false, reply: value, cause: `asked after its proof: ${fields.cause}` },
          };
        }
        trail.recipientRefused(path.text, 'NextHopRefused', heard, fields);
        known.set(forwardPath, { path, reply: heard, cause: fields.cause ?? '' });
      }
    }
    const answer = known.get(forwardPath);
    if (answer === 'taken') {
      taken.push({ path, recipient });
      if (promised.claim === undefined) trail.recipientAccepted(path.text, recipient);
    } else if (answer !== undefined) refused.push({ ...answer, path });
  }
  return { taken, refused, later: undefined };
}

/** undefined when the sender knows, or has nobody who could be told. */
async function tell(
  edges: TransactionEdges,
  promised: Promised,
  refused: readonly FailedRecipient[],
  message: ReceivedMessage,
  finalDot: number,
): Promise<Extract<Asked, { ok: false }> | undefined> {
  const { client, reversePath } = promised.start;
  const cause = `refused for good: ${refused.map(({ path }) => path.text).join(', ')}`;
  // A report to a stranger's reverse-path would be backscatter.
  if (client.kind !== 'Tenant') return { ok: false, reply: NOT_ALL, cause };
  if (reversePath.text === '') return undefined;
  const told = await reportFailed(edges, promised, client.route, refused, message, finalDot);
  return told ? undefined : { ok: false, reply: NO_REPORT, cause };
}

function allRefused(refused: readonly FailedRecipient[]): Extract<Asked, { ok: false }> {
  const [one] = refused;
  if (one === undefined) throw new Error('a message without recipients was asked about');
  return { ok: false, reply: one.reply, cause: `all recipients are refused: ${formatReply(one.reply)}; ${one.cause}` };
}
