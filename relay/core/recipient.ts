/** May this recipient be reached, and where? Decided per recipient, never per message; the first row that fits (mail-flow §4). */

import type { Mailbox } from './address.ts';
import { formatMailbox, mailboxKey, parseMailbox } from './address.ts';
import type { SharedDomainConfig } from './config.ts';
import type { Target } from './delivery.ts';
import { type Directory, outboundScope } from './directory.ts';
import type { Path } from './envelope.ts';
import { type Reply, reply } from './reply.ts';
import type { ClientIdentity } from './source.ts';

/** Which row accepted, by the names that metrics count. */
export type Resolution =
  | 'Rule'
  | 'Postmaster'
  | 'Authority'
  | 'RoutingDomain'
  | 'FromInternet'
  | 'Outbound'
  | 'Discovered';
export type Refused = 'Held' | 'TlsMissing' | 'Unknown' | 'RelayingDenied';

export interface AcceptedRecipient {
  readonly action: 'Accept';
  readonly target: Target;
  /** As it goes to the next hop, without angle brackets. */
  readonly forwardPath: string;
  readonly resolution: Resolution;
  /** RewriteRule that resolved it. */
  readonly rule: string | undefined;
  /** The shared domain it was addressed at. */
  readonly sharedDomain: SharedDomainConfig | undefined;
  /** Domain the client wrote: what `onlyTo` speaks of. */
  readonly recipientDomain: string;
}

export interface RefusedRecipient {
  readonly action: 'Refuse';
  readonly row: Refused;
  readonly reply: Reply;
  /** For tracking: which row refused. */
  readonly cause: string;
}

/** No rule knows the address: the tenants are to be asked, in this order, which of them does. */
export interface DiscoveredRecipient {
  readonly action: 'Discover';
  readonly candidates: readonly AcceptedRecipient[];
}

/**
 * A candidate's: it goes where `recipient` says once the headers have proven the tenant, and no next hop hears of it
 * before, or this relay would ask other people's mail systems in the name of every customer of Exchange Online.
 */
export interface ProvisionalRecipient {
  readonly action: 'Provisional';
  readonly recipient: AcceptedRecipient;
}

export type RecipientDecision = AcceptedRecipient | RefusedRecipient | DiscoveredRecipient | ProvisionalRecipient;

/** Facts about the transaction that rows of the table look at. */
export interface RecipientQuestion {
  readonly client: ClientIdentity;
  readonly tls: boolean;
  readonly reversePath: Path;
  readonly forwardPath: Path;
}

export const REFUSAL_REPLIES: Readonly<Record<Refused, Reply>> = {
  Held: reply(451, '4.3.5', 'Mail for or from this address is on hold, please try again later'),
  Unknown: reply(550, '5.1.1', 'Recipient address rejected: unknown user'),
  RelayingDenied: reply(550, '5.7.1', 'Relaying denied'),
  TlsMissing: reply(530, '5.7.0', 'Must issue a STARTTLS command first'),
};

const WAY_OUT_HELD = 'the way to the internet is not in force: something its smart host needs cannot be read';

function refuse(row: Refused, cause: string): RefusedRecipient {
  return { action: 'Refuse', row, reply: REFUSAL_REPLIES[row], cause };
}

export function decideRecipient(directory: Directory, question: RecipientQuestion): RecipientDecision {
  const { client, reversePath, forwardPath } = question;
  if (client.kind === 'Held') return refuse('Held', causeOfHold(client));
  const mailbox = forwardPath.mailbox ?? { localPart: 'postmaster', domain: directory.config.fleet.hostname };
  if (reversePath.mailbox !== undefined && isHeldSender(directory, client, reversePath.mailbox, mailbox.domain)) {
    return refuse('Held', 'the sender belongs to a resource that is not in force');
  }
  if (isHeldRecipient(directory, mailbox)) {
    return refuse('Held', 'the recipient belongs to a resource that is not in force');
  }
  const sharedDomain = directory.sharedDomains.get(mailbox.domain);
  if (sharedDomain?.inboundTlsRequired === true && !question.tls) {
    return refuse('TlsMissing', 'the shared domain takes mail over TLS only');
  }
  return (
    administrative(directory, mailbox, sharedDomain) ??
    resolved(directory, mailbox, sharedDomain) ??
    (sharedDomain === undefined
      ? elsewhere(directory, client, mailbox, forwardPath.text)
      : unresolved(directory, client, mailbox, sharedDomain, forwardPath.text))
  );
}

function isHeldSender(
  directory: Directory,
  client: ClientIdentity,
  mailbox: Mailbox,
  recipientDomain: string,
): boolean {
  if (directory.heldDomains.has(mailbox.domain)) return true;
  if (client.kind !== 'Tenant') return false;
  const match = directory.rules.rewriteOutbound(mailbox, outboundScope(directory, client.route, recipientDomain));
  return directory.rules.isHeldUnless(mailbox, match);
}

function causeOfHold({ unverified }: Extract<ClientIdentity, { kind: 'Held' }>): string {
  if (unverified === undefined) return 'the client matches a source of a tenant route that is not in force';
  return `the client shows a certificate with a name of TenantRoute ${unverified} that cannot be verified: has it expired?`;
}

function isHeldRecipient(directory: Directory, mailbox: Mailbox): boolean {
  return directory.heldDomains.has(mailbox.domain) || directory.rules.isHeldAddress(mailbox);
}

/** RFC 5321 §4.5.1 and RFC 2142: somebody reads postmaster and abuse. */
function administrative(
  directory: Directory,
  mailbox: Mailbox,
  sharedDomain: SharedDomainConfig | undefined,
): RecipientDecision | undefined {
  const { fleet } = directory.config;
  const name = mailbox.localPart.toLowerCase();
  const isOurs = sharedDomain !== undefined || mailbox.domain === fleet.hostname;
  if (!isOurs || (name !== 'postmaster' && name !== 'abuse')) return undefined;
  const own = sharedDomain?.[name];
  // An address that a rule names is its owner's word, and nearer than the fleet's default.
  if (own === undefined && directory.rules.resolveInbound(mailbox)?.kind === 'Address') return undefined;
  const destination = own ?? fleet.postmaster;
  const parsed = destination === undefined ? undefined : parseMailbox(destination);
  if (parsed?.ok !== true)
    return refuse('Held', `nobody is named who reads ${name}: set spec.${name} or the fleet's spec.postmaster`);
  const place = administrativePlace(directory, parsed.value);
  if (place === undefined) return refuse('Held', `no rule resolves ${destination}, who is to read ${name}`);
  if (place.target.kind !== 'TenantRoute' && directory.config.held.outbound === true)
    return refuse('Held', WAY_OUT_HELD);
  return { ...place, resolution: 'Postmaster', sharedDomain, recipientDomain: mailbox.domain };
}

function administrativePlace(directory: Directory, mailbox: Mailbox) {
  const found = directory.rules.resolveInbound(mailbox);
  if (found !== undefined) {
    return {
      action: 'Accept',
      target: { kind: 'TenantRoute', name: found.tenantRoute },
      forwardPath: formatMailbox(found.mailbox),
      rule: found.rule,
    } as const;
  }
  const route = directory.routingDomains.get(mailbox.domain);
  const unresolved = directory.sharedDomains.get(mailbox.domain)?.unresolvedRecipients;
  // The MX of a shared domain is this relay.
  if (route === undefined && unresolved !== undefined && unresolved.action !== 'Route') return undefined;
  const target: Target =
    route !== undefined
      ? { kind: 'TenantRoute', name: route.name }
      : unresolved?.action === 'Route'
        ? { kind: 'TenantRoute', name: unresolved.tenantRoute }
        : outbound(directory, mailbox.domain);
  return { action: 'Accept', target, forwardPath: formatMailbox(mailbox), rule: undefined } as const;
}

function resolved(
  directory: Directory,
  mailbox: Mailbox,
  sharedDomain: SharedDomainConfig | undefined,
): RecipientDecision | undefined {
  if (sharedDomain === undefined) return undefined;
  const found = directory.rules.resolveInbound(mailbox);
  if (found === undefined) return undefined;
  return {
    action: 'Accept',
    target: { kind: 'TenantRoute', name: found.tenantRoute },
    forwardPath: formatMailbox(found.mailbox),
    resolution: 'Rule',
    rule: found.rule,
    sharedDomain,
    recipientDomain: mailbox.domain,
  };
}

function unresolved(
  directory: Directory,
  client: ClientIdentity,
  mailbox: Mailbox,
  sharedDomain: SharedDomainConfig,
  text: string,
): RecipientDecision {
  // While one of the domain's rules is not in force, this address may well be one of its own.
  if (directory.unresolvedHeld.has(mailbox.domain)) {
    return refuse('Held', 'no rule resolves the recipient, and a rule of its domain is not in force');
  }
  const policy = sharedDomain.unresolvedRecipients;
  switch (policy.action) {
    case 'Reject':
      return refuse('Unknown', `no rule resolves ${mailboxKey(mailbox)}`);
    case 'Route':
      if (client.kind === 'Tenant' && client.route.name === policy.tenantRoute) {
        return refuse('Unknown', 'no rule resolves the recipient, and its authority is the tenant that sent it');
      }
      return {
        action: 'Accept',
        target: { kind: 'TenantRoute', name: policy.tenantRoute },
        forwardPath: text,
        resolution: 'Authority',
        rule: undefined,
        sharedDomain,
        recipientDomain: mailbox.domain,
      };
    case 'Discover':
      return {
        action: 'Discover',
        candidates: policy.order.flatMap((name) => candidate(directory, mailbox, sharedDomain, name)),
      };
  }
}

/**
 * The address as the tenant would know it. The tenant it came from is asked like the others: what it says it has is its own user,
 * and no circle.
 */
function candidate(
  directory: Directory,
  mailbox: Mailbox,
  sharedDomain: SharedDomainConfig,
  name: string,
): AcceptedRecipient[] {
  const domain = directory.tenantRoutes.get(name)?.domains[0];
  if (domain === undefined) return [];
  return [
    {
      action: 'Accept',
      target: { kind: 'TenantRoute', name },
      forwardPath: formatMailbox({ localPart: mailbox.localPart, domain }),
      resolution: 'Discovered',
      rule: undefined,
      sharedDomain,
      recipientDomain: mailbox.domain,
    },
  ];
}

function elsewhere(directory: Directory, client: ClientIdentity, mailbox: Mailbox, text: string): RecipientDecision {
  const route = directory.routingDomains.get(mailbox.domain);
  const open = route?.fromInternet === 'Accept';
  const proven = client.kind === 'Tenant';
  // What is open to the whole internet needs no proof.
  const provisional = client.kind === 'Candidate' && !open;
  if (!proven && !provisional && !open) {
    return refuse(
      'RelayingDenied',
      route === undefined
        ? 'a client that is no tenant asked for a foreign recipient'
        : `the internet may not reach ${mailbox.domain} through this relay`,
    );
  }
  if (route === undefined && directory.config.held.outbound === true) return refuse('Held', WAY_OUT_HELD);
  const recipient: AcceptedRecipient = {
    action: 'Accept',
    target: route === undefined ? outbound(directory, mailbox.domain) : { kind: 'TenantRoute', name: route.name },
    forwardPath: text === '' ? formatMailbox(mailbox) : text,
    resolution: route === undefined ? 'Outbound' : proven || provisional ? 'RoutingDomain' : 'FromInternet',
    rule: undefined,
    sharedDomain: undefined,
    recipientDomain: mailbox.domain,
  };
  return provisional ? { action: 'Provisional', recipient } : recipient;
}

function outbound(directory: Directory, domain: string): Target {
  return directory.config.fleet.outbound.route === 'MX' ? { kind: 'MX', domain } : { kind: 'SmartHost' };
}

/** Names the unit of delivery: one next hop, with the set of rewriting rules that apply to the recipient (mail-flow, opening). */
export function destinationKey(directory: Directory, recipient: AcceptedRecipient): string {
  const { target } = recipient;
  const place =
    target.kind === 'MX'
      ? `MX ${target.domain}`
      : target.kind === 'SmartHost'
        ? 'SmartHost'
        : `TenantRoute ${target.name}`;
  const conditional = directory.rules.onlyToKey(recipient.recipientDomain);
  const reversed = recipient.sharedDomain?.recipientHeaders === 'Rewrite' ? recipient.sharedDomain.domain : '';
  return `${place}\n${conditional}\n${reversed}`;
}
