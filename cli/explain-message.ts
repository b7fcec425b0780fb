/** What becomes of a message: its header fields as they came and as they would go out, and who changed what. */

import { parseHeader } from '../relay/core/header.ts';
import { utf8Text } from '../relay/core/octets.ts';
import type { AcceptedRecipient } from '../relay/core/recipient.ts';
import { formatReply, isSuccess } from '../relay/core/reply.ts';
import type { HeaderChange } from '../relay/core/rewrite-header.ts';
import { compose } from '../relay/transaction/compose.ts';
import type { TransactionStart } from '../relay/transaction/start.ts';
import type { Rehearsal } from './explain-rehearsal.ts';
import type { Signature } from './explain-stage.ts';

export interface FieldAccount {
  /** A field that is rewritten is one removed and one added. */
  readonly change: 'Kept' | 'Removed' | 'Added';
  /** With its folded lines, without the last line's end. */
  readonly text: string;
}

export interface MessageAccount {
  readonly reply: string;
  readonly cause: string | undefined;
  readonly accepted: boolean;
  /** Octets with CRLF at the end of each line; of one that is not taken, as it was given. */
  readonly size: number;
  /** Empty when the message would not go out. */
  readonly header: readonly FieldAccount[];
  readonly rewritten: readonly HeaderChange[];
  /** What rules in Audit mode would have rewritten. */
  readonly audited: readonly HeaderChange[];
  /** Keys that would sign it; no signature is made. */
  readonly signatures: readonly Signature[];
  /** Recipients that are refused once the header has proven the tenant: its own mail system tells the sender. */
  readonly reported: readonly string[];
}

export async function explainMessage(
  rehearsal: Rehearsal,
  start: TransactionStart,
  recipient: AcceptedRecipient | undefined,
  now: Date,
): Promise<MessageAccount | undefined> {
  const { data, received, claims, signatures, reported } = rehearsal;
  if (data === undefined) return undefined;
  const claim = claims.findLast(({ headerSection }) => headerSection !== undefined);
  const accepted = isSuccess(data.reply);
  const account = {
    reply: formatReply(data.reply),
    cause: data.cause,
    accepted,
    size: received?.size ?? rehearsal.octets,
    reported,
  };
  if (!accepted || received === undefined || recipient === undefined || claim?.headerSection === undefined) {
    return { ...account, header: [], rewritten: [], audited: [], signatures: [] };
  }
  const composed = await compose(start, recipient, claim.request.reversePath, received.message, now);
  return {
    ...account,
    header: compareHeaders(fieldsOf(received.message.headerSection), fieldsOf(claim.headerSection)),
    rewritten: composed.ok ? composed.changes : [],
    audited: composed.ok ? composed.audited : [],
    signatures,
  };
}

function fieldsOf(headerSection: Uint8Array): string[] {
  const header = parseHeader(headerSection);
  return header.fields.map(({ start, end }) => utf8Text(header.octets, start, end).replace(/\r?\n$/, ''));
}

/** Fields are never put in another order: each is kept, removed, written anew in its place, or added. */
export function compareHeaders(before: readonly string[], after: readonly string[]): FieldAccount[] {
  const texts = new Remaining(after);
  const names = new Remaining(after.map(nameOf));
  const ahead = new Remaining(before);
  const result: FieldAccount[] = [];
  let next = 0;
  const take = (change: FieldAccount['change']) => {
    const text = after[next++] ?? '';
    texts.take(text);
    names.take(nameOf(text));
    result.push({ change, text });
  };
  const isNew = (text: string, field: string) => nameOf(text) !== nameOf(field) && !ahead.has(text);
  for (const field of before) {
    // What goes out in front of this field, or of what became of it, was added.
    const stays = texts.has(field);
    while (stays && after[next] !== field) take('Added');
    while (!stays && names.has(nameOf(field)) && isNew(after[next] ?? '', field)) take('Added');
    ahead.take(field);
    if (stays) {
      take('Kept');
      continue;
    }
    result.push({ change: 'Removed', text: field });
    const written = after[next];
    if (written !== undefined && nameOf(written) === nameOf(field) && !ahead.has(written)) take('Added');
  }
  while (next < after.length) take('Added');
  return result;
}

class Remaining {
  readonly #counts = new Map<string, number>();

  constructor(all: readonly string[]) {
    for (const one of all) this.#counts.set(one, (this.#counts.get(one) ?? 0) + 1);
  }

  has(one: string): boolean {
    return (this.#counts.get(one) ?? 0) > 0;
  }

  take(one: string): void {
    this.#counts.set(one, (this.#counts.get(one) ?? 0) - 1);
  }
}

function nameOf(field: string): string {
  return field
    .slice(0, Math.max(0, field.indexOf(':')))
    .trimEnd()
    .toLowerCase();
}
