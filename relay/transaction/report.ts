/** Tells a tenant's user which recipients were refused for good, by his own tenant's next hop and before anything is delivered. */

import { formatMailbox } from '../core/address.ts';
import type { TenantRouteConfig } from '../core/config.ts';
import { formatDeliveryReport } from '../core/dsn.ts';
import { parseHeader } from '../core/header.ts';
import type { ReceivedMessage } from '../core/message.ts';
import { formatReply } from '../core/reply.ts';
import { messageIdOf } from './compose.ts';
import type { Delivery } from './delivered-memory.ts';
import type { TransactionEdges } from './edges.ts';
import type { FailedRecipient, Promised } from './promised.ts';
import { nextHopFields } from './trail.ts';
import type { TransactionStart } from './start.ts';
import { type FailedStep, failureFields, judge } from './verdict.ts';

const NON_ASCII = /[^\u0000-\u007f]/;

/** Whether the tenant has taken the report, now or when the client tried before. */
export async function reportFailed(
  edges: TransactionEdges,
  { start, trail }: Promised,
  route: TenantRouteConfig,
  failed: readonly FailedRecipient[],
  message: ReceivedMessage,
  finalDot: number,
): Promise<boolean> {
  const { fleet } = start.directory.config;
  const sender = start.reversePath.text;
  // The message may be deferred after its report was taken, and come again every few minutes for a day.
  const told: Delivery = {
    client: `report to ${route.name}`,
    reversePath: '',
    recipients: [sender, ...failed.map(({ path }) => path.text)],
    messageId: messageIdOf(parseHeader(message.headerSection)),
    body: message.body,
  };
  if (told.messageId !== '' && edges.delivered.recall(told)) return true;
  const formatted = formatDeliveryReport({
    hostname: fleet.hostname,
    queueId: start.queueId,
    sender,
    failed: failed.map(({ path, reply }) => ({ address: path.text, reply })),
    originalHeader: message.headerSection,
    date: edges.now(),
  });
  const smtputf8 = NON_ASCII.test(sender);
  const claim = edges.nextHops.claim({
    target: { kind: 'TenantRoute', name: route.name },
    // RFC 3464 §2: a report about a report would never end.
    reversePath: '',
    parameters: smtputf8 ? { smtputf8 } : {},
  });
  const refused = (step: FailedStep) => {
    const heard = judge(edges, start, claim, step);
    trail.event('DEFER', { recipients: [sender], ...failureFields(claim, step), reply: formatReply(heard) });
    return false;
  };
  try {
    const asked = await claim.recipient(atTenant(start, route));
    if (!asked.ok) return refused(asked);
    const content = {
      headerSection: formatted.headerSection,
      hasSeparator: true,
      body: edges.memoryBody(formatted.body),
      header8bit: smtputf8,
      body8bit: false,
    };
    const taken = await claim.deliver(content, finalDot + fleet.limits.deliveryTimeoutSeconds * 1000);
    if (!taken.ok) return refused(taken);
    edges.delivered.remember(told);
    const originalRecipients = failed.map(({ path }) => path.text);
    trail.event('DSN', {
      originalRecipients,
      recipients: [sender],
      ...nextHopFields(claim),
      nextHopReply: formatReply(taken.reply),
    });
    return true;
  } finally {
    claim.release();
  }
}

/** A sender that goes by his shared address is known to his tenant by its own. */
function atTenant({ directory, reversePath }: TransactionStart, route: TenantRouteConfig): string {
  const { mailbox, text } = reversePath;
  const found = mailbox === undefined ? undefined : directory.rules.resolveInbound(mailbox);
  return found?.tenantRoute === route.name ? formatMailbox(found.mailbox) : text;
}
