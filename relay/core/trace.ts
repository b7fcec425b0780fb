/**
 * Our own trace field: how often a message has passed this fleet, in a form that only the fleet can write. Received
 * fields are the second line: whoever removes those seldom knows ours.
 *
 *     X-Isthmus-Trace: v=1; n=2; k=0a1b2c3d;
 *      h=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU
 *
 *     trace  = version ";" passes ";" key ";" mac   ; white space after each semicolon, folded anywhere there
 *     version = "v=1"
 *     passes = "n=" 1*3DIGIT                        ; without leading zeros
 *     key    = "k=" 8HEXDIG                         ; lower case; names the key and tells nothing about it
 *     mac    = "h=" 43*43(ALPHA / DIGIT / "-" / "_") ; base64url of HMAC-SHA-256
 *
 * The HMAC is over passes, Message-ID and Date, so that a field taken from one message says nothing about another. A
 * message without them is counted as well; when the next system adds a Message-ID, counting begins anew, once.
 */

import { fieldsNamed, fieldValue, type Header, type HeaderField, removeFields } from './header.ts';

/** The fleet's keys, and the HMAC that a pure folder cannot have. */
export interface TraceKeys {
  /** Every key that is believed. */
  readonly ids: ReadonlySet<string>;
  /** By the key that signs now; `mac` in base64url. */
  sign(text: string): { readonly keyId: string; readonly mac: string };
  /** False for a key that is not known. */
  verify(keyId: string, text: string, mac: string): boolean;
}

/**
 * Mail between users of one tenant passes once, and once more for each forwarding; two forwardings that form no loop
 * are seldom, five are not seen.
 */
export const MAX_PASSES = 5;

const FIELD = 'X-Isthmus-Trace';
const NAME = FIELD.toLowerCase();
const TRACE = /^v=1;[ \t]*n=([1-9]\d{0,2});[ \t]*k=([0-9a-f]{8});[ \t]*h=([\w-]{43})$/;
const KEY = /;[ \t]*k=([0-9a-f]{8})[ \t]*(?:;|$)/;
const BLANKS = /[ \t]+/g;

/** How often the message has passed; 0 when that is not known: no field of this fleet, a forged one, or more than one. */
export function readTrace(header: Header, keys: TraceKeys): number {
  const [field, ...others] = fieldsNamed(header, NAME).filter((each) => isOurs(header, each, keys));
  if (field === undefined || others.length > 0) return 0;
  const match = TRACE.exec(fieldValue(header, field));
  if (match === null) return 0;
  const [, passes = '', keyId = '', mac = ''] = match;
  return keys.verify(keyId, signedText(header, passes), mac) ? Number(passes) : 0;
}

/** Another fleet's field stays: two fleets that pass a message to each other are a loop too, which each must count. */
export function removeTrace(header: Header, keys: TraceKeys): Header {
  return removeFields(header, (field) => field.name === NAME && isOurs(header, field, keys));
}

/** The whole field with its CRLF. Message-ID and Date are those of `header`, and never rewritten. */
export function formatTrace(header: Header, passes: number, keys: TraceKeys): string {
  const { keyId, mac } = keys.sign(signedText(header, String(passes)));
  return `${FIELD}: v=1; n=${passes}; k=${keyId};\r\n h=${mac}\r\n`;
}

/** What names no key at all is nobody's, and goes as well. */
function isOurs(header: Header, field: HeaderField, keys: TraceKeys): boolean {
  const keyId = KEY.exec(fieldValue(header, field))?.[1];
  return keyId === undefined || keys.ids.has(keyId);
}

/** Begins with the field's name: the key serves other purposes too, and no text of one may be one of another. */
function signedText(header: Header, passes: string): string {
  return `${NAME} v=1\nn=${passes}\n${part(header, 'message-id')}\n${part(header, 'date')}\n`;
}

/** Without its folds, which systems on the way change; no value holds a line end, so parts cannot run together. */
function part(header: Header, name: string): string {
  const [field] = fieldsNamed(header, name);
  return field === undefined ? '-' : `=${fieldValue(header, field).replace(BLANKS, ' ')}`;
}
