/** Whose fault is a refusal? Turns what a next hop refused into what the client hears (mail-flow: one table, decided once). */

import type { Refusal, Target } from './delivery.ts';
import { meaningForUs, WORDS_ABOUT_US } from './refusal-table.ts';
import { type Reply, reply, replyClass } from './reply.ts';

export interface Outcome {
  /** What the client hears; its text is still the next hop's when keepsText is true. */
  readonly reply: Reply;
  /** The text comes from the next hop and may be shown to a proven tenant after its addresses were rewritten. */
  readonly keepsText: boolean;
  /** Set when the next hop refuses this relay itself: what an admin of the TenantRoute must know. */
  readonly refusesUs: string | undefined;
}

export const NEXT_HOP_REFUSES_US = 'NextHopRefusesUs';

function ours(value: Reply, refusesUs?: string): Outcome {
  return { reply: value, keepsText: false, refusesUs };
}

export function judgeRefusal(refusal: Refusal, target: Target): Outcome {
  if (refusal.verdict !== undefined) return ours(refusal.verdict);
  const said = refusal.reply;
  if (said === undefined) return ours(silence(refusal));
  const about = aboutUs(refusal, said, target);
  if (about !== undefined) return ours(reply(451, '4.7.0', 'Delivery is delayed, please try again later'), about);
  switch (replyClass(said)) {
    case 'transient':
      return { reply: keepClass(said, '4.0.0'), keepsText: true, refusesUs: undefined };
    case 'permanent':
      return { reply: keepClass(said, '5.0.0'), keepsText: true, refusesUs: undefined };
    case 'success':
    case 'intermediate':
      // A positive answer in a place that allows none: nobody has foreseen it, so it is temporary.
      return ours(reply(451, '4.5.0', 'The next mail system gave an answer that makes no sense'));
  }
}

function silence(refusal: Refusal): Reply {
  switch (refusal.stage) {
    case 'lookup':
      return reply(451, '4.4.3', 'The next mail system could not be looked up');
    case 'connect':
    case 'greeting':
      return reply(451, '4.4.1', 'The next mail system does not answer');
    case 'ehlo':
    case 'starttls':
    case 'auth':
    case 'mail':
    case 'rcpt':
    case 'data':
    case 'content':
      return reply(451, '4.4.2', 'The connection to the next mail system was lost');
  }
}

/** Before RCPT a next hop knows nothing but this relay, and its own tenant's sender. */
function aboutUs(refusal: Refusal, said: Reply, target: Target): string | undefined {
  const permanent = replyClass(said) === 'permanent';
  const meaning = said.enhancedStatus === undefined ? undefined : meaningForUs(said.enhancedStatus);
  if (meaning !== undefined && permanent) return meaning;
  if (permanent && WORDS_ABOUT_US.test(said.text)) return 'it refuses to take mail from this relay';
  if (!permanent) return undefined;
  switch (refusal.stage) {
    case 'lookup':
    case 'connect':
    case 'greeting':
    case 'ehlo':
    case 'starttls':
    case 'auth':
      return `it refuses this relay at ${refusal.stage}`;
    case 'mail':
      // A stranger's mail system that refuses the sender speaks of the sender; our own next hop speaks of us.
      return target.kind === 'MX' ? undefined : 'it refuses this relay at mail';
    case 'rcpt':
    case 'data':
    case 'content':
      return undefined;
  }
}

/** Same class and enhanced code; RFC 2034 §4 wants the classes of both codes to agree. */
function keepClass(said: Reply, fallback: string): Reply {
  const digit = String(said.code)[0];
  const status = said.enhancedStatus !== undefined && said.enhancedStatus[0] === digit ? said.enhancedStatus : fallback;
  return reply(clientCode(said.code), status, said.text);
}

/** 421 would tell the client that this relay closes its connection (RFC 5321 §3.8); 999 is no code at all. */
function clientCode(code: number): number {
  return code === 421 || code < 400 || code > 599 ? 451 : code;
}

/** What a stranger may read: no name of a tenant, address, rule or check (mail-flow, reply's text). */
export function genericText(value: Reply): string {
  const later = replyClass(value) === 'transient' ? ', please try again later' : '';
  switch (value.enhancedStatus?.split('.')[1]) {
    case '1':
      return `Recipient address rejected${later}`;
    case '2':
      return `Mailbox not available${later}`;
    case '3':
      return `Mail system not able to take the message${later}`;
    case '4':
      return `Delivery not possible now${later}`;
    case '5':
      return `Protocol error at delivery${later}`;
    case '6':
      return `Message content or format rejected${later}`;
    case '7':
      return `Rejected by policy${later}`;
    default:
      return `Message not accepted${later}`;
  }
}

/** The next hop's words for a proven tenant: one line, no control characters, addresses put through `rewrite`. */
export function tenantText(text: string, rewrite: (address: string) => string): string {
  const oneLine = text.replace(/[\s\u0000-\u001f\u007f]+/g, ' ').slice(0, 400);
  return oneLine.replace(/[^\s<>()[\],;:"]{1,315}@[^\s<>()[\],;:"]{1,255}/g, (found) => {
    const tail = /[.!?]+$/.exec(found)?.[0] ?? '';
    return rewrite(found.slice(0, found.length - tail.length)) + tail;
  });
}
