/** Makes of a received message what one destination gets: one order for all mail (mail-flow §5), every step a pure function. */

import { formatMailbox } from '../core/address.ts';
import type { SharedDomainConfig, TenantRouteConfig } from '../core/config.ts';
import { type Directory, outboundScope } from '../core/directory.ts';
import { stripInbound, stripOutbound } from '../core/firewall.ts';
import { fieldsNamed, fieldValue, type Header, parseHeader, prependFields } from '../core/header.ts';
import type { MessageContent, ReceivedMessage } from '../core/message.ts';
import { countReceived, formatReceived } from '../core/received.ts';
import { type AcceptedRecipient, REFUSAL_REPLIES } from '../core/recipient.ts';
import { type Reply, reply } from '../core/reply.ts';
import {
  type HeaderChange,
  type HeaderRewrite,
  rewriteInboundHeader,
  rewriteOutboundHeader,
} from '../core/rewrite-header.ts';
import { removeBrokenSignatures } from '../core/signatures.ts';
import { isSignedOrEncrypted } from '../core/signed.ts';
import { formatTrace, MAX_PASSES, readTrace, removeTrace } from '../core/trace.ts';
import type { ClientConnection } from '../smtp/session.ts';
import type { TransactionStart } from './start.ts';

export interface ComposedMessage {
  readonly ok: true;
  readonly content: MessageContent;
  /** As it came, with its angle brackets; empty when there is none. */
  readonly messageId: string;
  readonly changes: readonly HeaderChange[];
  readonly audited: readonly HeaderChange[];
}

export type Composed = ComposedMessage | { readonly ok: false; readonly reply: Reply; readonly cause: string };

const LOOP = reply(554, '5.4.6', 'Too many hops, this message is going in circles');
const TOO_COMPLEX = reply(451, '4.3.0', 'The header of this message could not be processed');
const MALFORMED = reply(554, '5.6.0', 'The header begins with white space: no field name is there to continue');
/** Space and tab. */
const BLANK: ReadonlySet<number> = new Set([32, 9]);
const NO_SIGNED_MAIL = reply(550, '5.7.1', 'Signed or encrypted messages are not accepted here');

interface Step {
  readonly header: Header;
  readonly changes: readonly HeaderChange[];
  readonly audited: readonly HeaderChange[];
  readonly changedFields: ReadonlySet<string>;
}

/** `reversePath` as it goes out. */
export async function compose(
  start: TransactionStart,
  recipient: AcceptedRecipient,
  reversePath: string,
  message: ReceivedMessage,
  now: Date,
): Promise<Composed> {
  const { directory, client } = start;
  const received = parseHeader(message.headerSection);
  // Under our Received field it would become part of that.
  if (BLANK.has(message.headerSection[0] ?? 0)) {
    return { ok: false, reply: MALFORMED, cause: 'the header section begins with a continuation line' };
  }
  if (countReceived(received) > directory.config.fleet.limits.hops) {
    return { ok: false, reply: LOOP, cause: 'more Received fields than limits.hops' };
  }
  const passes = start.trace === undefined ? 0 : readTrace(received, start.trace);
  if (passes > MAX_PASSES) return { ok: false, reply: LOOP, cause: `it has passed this fleet ${passes} times` };
  if (start.journal) return asItCame(directory, recipient, received, message);
  const route = client.kind === 'Tenant' ? client.route : undefined;
  const governing = route === undefined ? undefined : governingDomain(directory, route, reversePath);
  const signed =
    governing !== undefined && governing.signedMessages !== 'RewriteOuter' && isSignedOrEncrypted(received);
  if (signed && governing.signedMessages === 'Reject') {
    return { ok: false, reply: NO_SIGNED_MAIL, cause: 'outbound.signedMessages is Reject' };
  }
  const clean = firewall(directory, recipient, received, governing);
  const rewritten = signed ? clean : rewrite(directory, recipient, route, clean);
  if ('ok' in rewritten) return rewritten;
  const unsigned =
    route === undefined
      ? rewritten.header
      : removeBrokenSignatures(rewritten.header, directory.routingDomains, {
          changedFields: rewritten.changedFields,
          bodyChanged: false,
        });
  const untraced = start.trace === undefined ? unsigned : removeTrace(unsigned, start.trace);
  const trace = start.trace === undefined ? '' : formatTrace(received, passes + 1, start.trace);
  const traced = prependFields(untraced, receivedField(start, now) + trace);
  const header = route === undefined ? traced : prependFields(traced, await start.sign(traced, message.body));
  return {
    ok: true,
    content: {
      headerSection: header.octets,
      hasSeparator: message.hasSeparator,
      body: message.body,
      header8bit: message.header8bit || rewritten.changes.some(({ to }) => /[^\u0000-\u007f]/.test(to)),
      body8bit: message.body8bit,
    },
    messageId: messageIdOf(received),
    changes: rewritten.changes,
    audited: rewritten.audited,
  };
}

/**
 * Evidence, octet for octet: no trace, no rewriting, no signature of ours. Only what a tenant's mail system would believe
 * is taken out on the way to a tenant, as nothing turns that off.
 */
function asItCame(
  directory: Directory,
  recipient: AcceptedRecipient,
  received: Header,
  message: ReceivedMessage,
): ComposedMessage {
  const { hasSeparator, body, header8bit, body8bit } = message;
  const clean =
    recipient.target.kind === 'TenantRoute' ? firewall(directory, recipient, received, undefined).header : received;
  return {
    ok: true,
    content: { headerSection: clean.octets, hasSeparator, body, header8bit, body8bit },
    messageId: messageIdOf(received),
    changes: [],
    audited: [],
  };
}

/** The shared domain whose settings hold for a tenant's message: the one of its sender, else the tenant's first. */
function governingDomain(
  directory: Directory,
  route: TenantRouteConfig,
  reversePath: string,
): SharedDomainConfig | undefined {
  const domain = reversePath.slice(reversePath.lastIndexOf('@') + 1).toLowerCase();
  return directory.sharedDomains.get(domain) ?? directory.sharedDomains.get(route.sharedDomains[0] ?? '');
}

/** Towards every next hop; only the outbound half can be turned off. */
function firewall(
  directory: Directory,
  recipient: AcceptedRecipient,
  header: Header,
  governing: SharedDomainConfig | undefined,
): Step {
  const authservIds = new Set([directory.config.fleet.hostname]);
  const stripped =
    recipient.target.kind === 'TenantRoute' || governing === undefined
      ? stripInbound(header, authservIds)
      : stripOutbound(header, governing.stripHeaders, authservIds);
  return { header: stripped.header, changes: [], audited: [], changedFields: stripped.removed };
}

function rewrite(
  directory: Directory,
  recipient: AcceptedRecipient,
  route: TenantRouteConfig | undefined,
  before: Step,
): Step | Extract<Composed, { ok: false }> {
  let step = before;
  if (route !== undefined) {
    const scope = outboundScope(directory, route, recipient.recipientDomain);
    const outbound = rewriteOutboundHeader(step.header, directory.rules, scope);
    if (outbound.ok && outbound.held !== undefined) {
      const cause = `${formatMailbox(outbound.held)} belongs to a resource that is not in force`;
      return { ok: false, reply: REFUSAL_REPLIES.Held, cause };
    }
    const next = join(step, outbound);
    if ('ok' in next) return next;
    step = next;
  }
  const { target, sharedDomain } = recipient;
  if (target.kind !== 'TenantRoute' || sharedDomain?.recipientHeaders !== 'Rewrite') return step;
  return join(step, rewriteInboundHeader(step.header, directory.rules, target.name));
}

function join(before: Step, after: HeaderRewrite): Step | Extract<Composed, { ok: false }> {
  if (!after.ok) return { ok: false, reply: TOO_COMPLEX, cause: after.reason };
  return {
    header: after.header,
    changes: [...before.changes, ...after.changes],
    audited: [...before.audited, ...after.audited],
    changedFields: new Set([...before.changedFields, ...after.changedFields]),
  };
}

function receivedField({ directory, connection, parameters, queueId }: TransactionStart, now: Date): string {
  return formatReceived({
    clientAddress: connection.address,
    helo: connection.heloName,
    by: directory.config.fleet.hostname,
    protocol: protocolOf(connection, parameters.smtputf8 === true),
    tls: connection.tls,
    id: queueId,
    date: now,
  });
}

/** RFC 3848, RFC 6531 §3.7.3. */
function protocolOf(connection: ClientConnection, smtputf8: boolean) {
  const secured = connection.tls !== undefined;
  if (smtputf8) return secured ? 'UTF8SMTPS' : 'UTF8SMTP';
  if (!connection.extended) return 'SMTP';
  return secured ? 'ESMTPS' : 'ESMTP';
}

export function messageIdOf(header: Header): string {
  const [field] = fieldsNamed(header, 'message-id');
  return field === undefined ? '' : fieldValue(header, field).slice(0, 998);
}
