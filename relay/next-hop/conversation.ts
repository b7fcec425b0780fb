/**
 * Plays one transaction up to DATA on a connection that stands: what must be offered, which commands, what the answers
 * mean.
 */

import type { Refusal } from '../core/delivery.ts';
import type { MailParameters } from '../core/envelope.ts';
import { contentSize, type MessageContent } from '../core/message.ts';
import { isSuccess, type Reply, reply } from '../core/reply.ts';
import { isAscii, mailCommand, recipientCommand } from './commands.ts';
import type { Connection } from './connection.ts';
import type { Durations } from './durations.ts';
import { decided, refused, silent } from './refusal.ts';

export interface Transaction {
  readonly reversePath: string;
  readonly parameters: MailParameters;
  readonly forwardPaths: readonly string[];
  /** Known after the client's dot; with it, DATA is said as well. */
  readonly content: MessageContent | undefined;
}

const TOO_LARGE = reply(552, '5.3.4', 'The message is larger than the next mail system takes');
const NO_8BIT = reply(550, '5.6.3', 'The next mail system takes no 8-bit message');
const NO_UTF8 = reply(550, '5.6.7', 'The next mail system takes no internationalized addresses or header fields');

function isEightBit(content: MessageContent): boolean {
  return content.body8bit || content.header8bit;
}

/** What a message needs and the next hop does not offer: no later try would change it. */
export function obstacle(connection: Connection, transaction: Transaction): Refusal | undefined {
  const { extensions } = connection;
  const { parameters, content } = transaction;
  const paths = [transaction.reversePath, ...transaction.forwardPaths];
  const utf8Header = parameters.smtputf8 === true && content?.header8bit === true;
  if (!extensions.smtpUtf8 && (utf8Header || !paths.every(isAscii))) {
    // RFC 6531 §3.5.
    return decided('mail', NO_UTF8, 'it does not offer SMTPUTF8');
  }
  // RFC 6152 §3: without re-encoding, which this relay never does, the message cannot go there.
  if (!extensions.eightBitMime && content !== undefined && isEightBit(content)) {
    return decided('mail', NO_8BIT, 'it does not offer 8BITMIME');
  }
  const size = content === undefined ? parameters.size : contentSize(content);
  if (size !== undefined && size > (extensions.sizeLimit ?? Infinity)) {
    return decided('mail', TOO_LARGE, `it takes ${extensions.sizeLimit} octets at most`);
  }
  return undefined;
}

/** Whether the MAIL that was said without knowing the content is right for it. */
export function announces(connection: Connection, parameters: MailParameters, content: MessageContent): boolean {
  return parameters.body === '8BITMIME' || !connection.extensions.eightBitMime || !isEightBit(content);
}

/**
 * Replies to MAIL, each RCPT, and DATA; fewer when the connection was lost, or, without pipelining, when there was no
 * point in going on.
 */
export async function converse(
  connection: Connection,
  transaction: Transaction,
  durations: Durations,
  until: number,
): Promise<readonly Reply[]> {
  const commands = commandsOf(connection, transaction);
  const { command } = durations;
  connection.transactions += 1;
  // RFC 2920 §3.1: DATA may end a group, and nothing may follow it.
  if (connection.extensions.pipelining) {
    return connection.ask(commands.join(''), commands.length, command, until);
  }
  const replies: Reply[] = [];
  for (const line of commands) {
    const [answer] = await connection.ask(line, 1, command, until);
    if (answer === undefined) return replies;
    replies.push(answer);
    // Without content the other recipients may still be taken; with it, it is all of them or none.
    const first = replies.length === 1;
    if (!isSuccess(answer) && (first || transaction.content !== undefined)) return replies;
  }
  return replies;
}

function commandsOf(connection: Connection, transaction: Transaction): readonly string[] {
  const { reversePath, parameters, forwardPaths, content } = transaction;
  const commands = [
    mailCommand({
      reversePath,
      parameters,
      extensions: connection.extensions,
      eightBit: parameters.body === '8BITMIME' || (content !== undefined && isEightBit(content)),
      utf8: parameters.smtputf8 === true || ![reversePath, ...forwardPaths].every(isAscii),
      size: content === undefined ? parameters.size : contentSize(content),
    }),
  ];
  for (const path of forwardPaths) commands.push(recipientCommand(path));
  if (content !== undefined) commands.push('DATA\r\n');
  return commands;
}

export type Verdict = { readonly ok: true; readonly reply: Reply } | { readonly ok: false; readonly refusal: Refusal };

/** MAIL was refused. */
export function mailRefusal(answer: Reply): Refusal {
  const refusal = refused('mail', answer, 'it refuses MAIL');
  // RFC 1870 §6.1: the size was refused, not this relay.
  return answer.code === 552 && answer.enhancedStatus === '5.3.4' ? { ...refusal, verdict: TOO_LARGE } : refusal;
}

export function recipientVerdict(answer: Reply | undefined): Verdict {
  if (answer === undefined) return { ok: false, refusal: silent('rcpt', 'no answer to RCPT') };
  if (isSuccess(answer)) return { ok: true, reply: answer };
  return { ok: false, refusal: refused('rcpt', answer, 'it refuses the recipient') };
}

/** All recipients or none, and then DATA. */
export function dataVerdict(replies: readonly Reply[], recipients: number): Verdict {
  for (let index = 1; index <= recipients; index += 1) {
    const verdict = recipientVerdict(replies[index]);
    if (!verdict.ok) return verdict;
  }
  const answer = replies[recipients + 1];
  if (answer === undefined) return { ok: false, refusal: silent('data', 'no answer to DATA') };
  return answer.code === 354
    ? { ok: true, reply: answer }
    : { ok: false, refusal: refused('data', answer, 'it refuses DATA') };
}

/** The connection was lost before everything was answered. */
export function lossRefusal(replies: readonly Reply[], recipients: number, cause: string): Refusal {
  const last = replies.at(-1);
  const answered = last?.code === 421 ? replies.length - 1 : replies.length;
  const stage = answered === 0 ? 'mail' : answered <= recipients ? 'rcpt' : 'data';
  return last?.code === 421 ? refused(stage, last, 'it closes') : silent(stage, cause);
}
