/** Texts that are an address: a display name or comment that shows `john@example.com`, in clear or as encoded words. */

import { formatMailbox, type Mailbox, parseMailbox } from './address.ts';
import { decodedUtf8, type EncodedWord, encodeWords, readEncodedWord } from './encoded-word.ts';
import { utf8Text } from './octets.ts';

/** A text by offset that is an address, and how another would be written in its place. */
export interface AddressText {
  readonly kind: 'text';
  readonly mailbox: Mailbox;
  readonly start: number;
  readonly end: number;
  write(mailbox: Mailbox): string;
}

/** An address has at most 569 octets (315 and 253, and the at sign): whatever is much longer is something else. */
const TEXT_OCTETS = 1024;
/** Outlook shows `"'john@example.com'"`; others put brackets around it. */
const WRAPPERS = new Map([
  [39, 39],
  [60, 62],
  [40, 41],
  [91, 93],
]);

/** The content of a quoted string or comment, from `start` to before `end`, if all of it is an address. */
export function textThatIsAddress(octets: Uint8Array, start: number, end: number): AddressText[] {
  if (end - start > TEXT_OCTETS) return [];
  const [first, last] = unwrapped(octets, start, end);
  if (octets[first] === 61 && octets[first + 1] === 63) return wordsInText(octets, first, last);
  const mailbox = readAddress(octets, first, last, true);
  if (mailbox === undefined) return [];
  const write = (other: Mailbox) => formatMailbox(other).replace(/["\\()]/g, '\\$&');
  return [{ kind: 'text', mailbox, start: first, end: last, write }];
}

/** Encoded words that follow each other, if all of them together, or some of them alone, are an address. */
export function wordsThatAreAddress(words: readonly EncodedWord[]): AddressText[] {
  const whole = readWords(words);
  if (whole !== undefined || words.length === 1) return whole === undefined ? [] : [whole];
  return words.flatMap((word) => readWords([word]) ?? []);
}

/** Reads encoded words from `start` on as long as only white space divides them. */
export function readEncodedWords(octets: Uint8Array, start: number, end: number): EncodedWord[] {
  const words: EncodedWord[] = [];
  for (let at = start; at < end; ) {
    const word = readEncodedWord(octets, at, end);
    if (word === undefined) break;
    words.push(word);
    at = word.end;
    while (at < end && isSpace(octets[at])) at++;
  }
  return words;
}

function wordsInText(octets: Uint8Array, start: number, end: number): AddressText[] {
  const words = readEncodedWords(octets, start, end);
  return words.at(-1)?.end === end ? wordsThatAreAddress(words) : [];
}

function readWords(words: readonly EncodedWord[]): AddressText | undefined {
  const [first, last] = [words[0], words.at(-1)];
  const octets = decodedUtf8(words);
  if (first === undefined || last === undefined || octets === undefined || octets.length > TEXT_OCTETS)
    return undefined;
  const [start, end] = unwrapped(octets, 0, octets.length);
  const mailbox = readAddress(octets, start, end, false);
  if (mailbox === undefined) return undefined;
  const before = utf8Text(octets, 0, start);
  const after = utf8Text(octets, end, octets.length);
  const write = (other: Mailbox) => encodeWords(`${before}${formatMailbox(other)}${after}`, first);
  return { kind: 'text', mailbox, start: first.start, end: last.end, write };
}

function readAddress(octets: Uint8Array, start: number, end: number, escaped: boolean): Mailbox | undefined {
  let at = start;
  while (at < end && octets[at] !== 64) at++;
  if (at === end) return undefined;
  const text = utf8Text(octets, start, end);
  const parsed = parseMailbox(escaped ? text.replace(/\\(.)/g, '$1') : text);
  return parsed.ok ? parsed.value : undefined;
}

/** Without white space and pairs of brackets or apostrophes around it. */
function unwrapped(octets: Uint8Array, from: number, to: number): [number, number] {
  let [start, end] = [from, to];
  for (;;) {
    while (start < end && isSpace(octets[start])) start++;
    while (end > start && isSpace(octets[end - 1])) end--;
    if (end - start < 2 || WRAPPERS.get(octets[start] ?? 0) !== octets[end - 1]) return [start, end];
    start++;
    end--;
  }
}

function isSpace(octet: number | undefined): boolean {
  return octet === 32 || octet === 9 || octet === 13 || octet === 10;
}
