/** Addresses as configurations write them, and what they are compared by, without parsing what is plain. */

import { formatMailbox, mailboxKey, parseMailbox } from '../../relay/core/address.ts';
import type { Inspected } from './input.ts';

export interface MailboxText {
  /** As formatMailbox() writes it. */
  readonly text: string;
  /** As mailboxKey() makes it; the very same string as `text` where they are equal. */
  readonly key: string;
  readonly domain: string;
}

/** Of nearly every address: nothing to unquote, to put in lower case or to map, so that it is its own key. */
const PLAIN =
  /^[!#$%&'*+\-/0-9=?^_`a-z{|}~]+(?:\.[!#$%&'*+\-/0-9=?^_`a-z{|}~]+)*@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** What is longer may break a bound of its own, which parsing tells. */
const PLAIN_LENGTH = 200;

export function readMailbox(written: string): Inspected<MailboxText> {
  if (written.length <= PLAIN_LENGTH && PLAIN.test(written)) {
    return { ok: true, value: { text: written, key: written, domain: written.slice(written.lastIndexOf('@') + 1) } };
  }
  const parsed = parseMailbox(written);
  if (!parsed.ok) return parsed;
  const text = formatMailbox(parsed.value);
  const key = mailboxKey(parsed.value);
  return { ok: true, value: { text, key: key === text ? text : key, domain: parsed.value.domain } };
}

/** Nothing to unquote, to put in lower case or to map. */
const OWN_KEY = /^[!#-@[-~]*$/;

/** The key of an address as formatMailbox() writes it; what is none stands for itself. */
export function keyOfAddress(text: string): string {
  if (OWN_KEY.test(text)) return text;
  const parsed = parseMailbox(text);
  return parsed.ok ? mailboxKey(parsed.value) : text;
}
