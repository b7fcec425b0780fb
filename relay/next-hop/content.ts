/** Sends a message after 354: dots doubled, in as few writes as possible, the final dot only behind the whole of it. */

import { contentSize, type MessageContent } from '../core/message.ts';
import type { Reply } from '../core/reply.ts';
import type { Connection } from './connection.ts';
import { DotStuffing } from './dot-stuffing.ts';
import type { Durations } from './durations.ts';
import { textOf } from './refusal.ts';

export interface ContentResult {
  /** The answer to our dot, or what the next hop said before it; undefined when nothing can be known. */
  readonly reply: Reply | undefined;
  /** Our final dot went out: what became of the message is known only from a reply. */
  readonly dotSent: boolean;
  readonly cause: string;
}

/** What is written at once: few enough octets that the end of the connection is seen before the final dot goes out. */
const WRITE_BYTES = 256 * 1024;
const CRLF = Buffer.from('\r\n');
const EARLY = 'it answered before the content was complete';

/** `deadline` (performance.now()) holds until the final dot. Without a final dot the connection is gone afterwards. */
export async function sendContent(
  connection: Connection,
  content: MessageContent,
  deadline: number,
  durations: Durations,
): Promise<ContentResult> {
  const stuffing = new DotStuffing();
  const pieces: Uint8Array[] = [];
  stuffing.add(content.headerSection, pieces);
  if (content.hasSeparator) stuffing.add(CRLF, pieces);
  connection.beginContent();
  const { memory, size } = content.body;
  if (memory !== undefined && size <= WRITE_BYTES) {
    for (const piece of memory) stuffing.add(piece, pieces);
  } else {
    const failure = await sendLarge(connection, content, stuffing, pieces, deadline, durations);
    if (failure !== undefined) return withoutDot(connection, failure);
  }
  if (performance.now() >= deadline) return withoutDot(connection, 'the time for this delivery was over');
  if (connection.lostCause !== undefined) return withoutDot(connection, connection.lostCause);
  if (connection.earlyReply !== undefined) return withoutDot(connection, EARLY);
  pieces.push(stuffing.end());
  const [reply] = await connection.finish(pieces, durations.finalDot);
  const cause = reply === undefined ? (connection.lostCause ?? 'no answer') : 'answer to the content';
  return { reply, dotSent: true, cause };
}

/** All of the body but its last write, which is left in `pieces`. The value says why that was not possible. */
async function sendLarge(
  connection: Connection,
  content: MessageContent,
  stuffing: DotStuffing,
  pieces: Uint8Array[],
  deadline: number,
  durations: Durations,
): Promise<string | undefined> {
  let octets = contentSize(content) - content.body.size;
  let unwritten = 0;
  try {
    for await (const chunk of content.body.chunks()) {
      octets += chunk.length;
      unwritten += chunk.length;
      stuffing.add(chunk, pieces);
      if (unwritten < WRITE_BYTES) continue;
      if (!connection.write(pieces, durations.block, deadline)) await connection.drained();
      pieces.length = 0;
      unwritten = 0;
      if (connection.lostCause !== undefined) return connection.lostCause;
      if (connection.earlyReply !== undefined) return EARLY;
    }
  } catch (cause) {
    return `the message could not be read: ${textOf(cause)}`;
  }
  // A source that ends early must never be delivered as if it were whole.
  if (octets !== contentSize(content)) return `the message has ${octets} octets instead of ${contentSize(content)}`;
  return undefined;
}

function withoutDot(connection: Connection, cause: string): ContentResult {
  connection.lose(cause);
  const early = connection.earlyReply;
  // A positive answer to half a message is none.
  return { reply: early !== undefined && early.code >= 400 ? early : undefined, dotSent: false, cause };
}
