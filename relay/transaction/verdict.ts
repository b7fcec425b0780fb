/** What the client hears of a step that did not succeed at its next hop, and who else should know. */

import { formatMailbox, parseMailbox } from '../core/address.ts';
import type { Claim, StepResult } from '../core/delivery.ts';
import { outboundScope } from '../core/directory.ts';
import { genericText, judgeRefusal, tenantText } from '../core/outcome.ts';
import { formatReply, type Reply, reply } from '../core/reply.ts';
import type { TrackingEvent } from '../tracking/tracking.ts';
import type { TransactionEdges } from './edges.ts';
import { nextHopFields } from './trail.ts';
import type { TransactionStart } from './start.ts';

export type FailedStep = Extract<StepResult, { ok: false }>;

/** Whose fault it is, in words for whoever asked. */
export function judge(edges: TransactionEdges, start: TransactionStart, claim: Claim, { refusal }: FailedStep): Reply {
  const { client, directory, queueId } = start;
  const outcome = judgeRefusal(refusal, claim.target);
  edges.metrics.nextHopRefusals[refusal.stage].add();
  if (outcome.refusesUs !== undefined) {
    edges.metrics.nextHopRefusesUs.add();
    edges.findings.nextHopRefuses(claim.target, outcome.refusesUs);
  }
  const { code, enhancedStatus, text } = outcome.reply;
  if (!outcome.keepsText) return outcome.reply;
  if (client.kind !== 'Tenant') return reply(code, enhancedStatus, `${genericText(outcome.reply)} (${queueId})`);
  const scope = outboundScope(directory, client.route);
  const shared = (address: string) => {
    const parsed = parseMailbox(address);
    const found = parsed.ok ? directory.rules.rewriteOutbound(parsed.value, scope) : undefined;
    return found === undefined ? address : formatMailbox(found.mailbox);
  };
  return reply(code, enhancedStatus, tenantText(text, shared));
}

/** What happened at the next hop, for tracking: its own words whole. */
export function failureFields(claim: Claim, { refusal }: FailedStep): Omit<TrackingEvent, 'event'> {
  const { stage, cause, reply: said } = refusal;
  return {
    ...nextHopFields(claim),
    nextHopReply: said === undefined ? undefined : formatReply(said),
    cause: `${stage}: ${cause}`,
  };
}
