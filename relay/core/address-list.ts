/**
 * Finds every address in a structured field by offset (RFC 5322 §3.4, §4.4); garbage never throws and takes linear
 * time.
 */

import { type Mailbox, mailboxOf } from './address.ts';
import { type AddressText, readEncodedWords, textThatIsAddress, wordsThatAreAddress } from './address-text.ts';
import { utf8Text } from './octets.ts';

/** An addr-spec: local part and domain by offset, whatever folds and comments stand between them. */
export interface AddressSpec {
  readonly kind: 'spec';
  readonly mailbox: Mailbox;
  readonly start: number;
  readonly localPartEnd: number;
  readonly domainStart: number;
  readonly end: number;
}

export type FoundAddress = AddressSpec | AddressText;

const [QUOTE, APOSTROPHE, OPEN, CLOSE, DOT, EQUALS, QUESTION, AT, BRACKET, BACKSLASH, BRACKET_END] = [
  34, 39, 40, 41, 46, 61, 63, 64, 91, 92, 93,
];

/** Octets of words: atext, the dot, and everything beyond ASCII (RFC 6532 §3.2). */
const WORD = new Uint8Array(256);
for (let octet = 33; octet < 256; octet++) {
  if (octet !== 127 && !'()<>[]:;@\\,"'.includes(String.fromCharCode(octet))) WORD[octet] = 1;
}

/** Addresses in the octets from `start` to before `end`, in order, none overlapping another. */
export function findAddresses(octets: Uint8Array, start: number, end: number): FoundAddress[] {
  return new Scanner(octets, end).scan(start);
}

class Scanner {
  readonly #octets: Uint8Array;
  readonly #end: number;
  readonly #found: FoundAddress[] = [];
  /** Where the words begin and end that are a local part if an at sign follows; −1: none. */
  #wordsStart = -1;
  #wordsEnd = -1;
  /** They are one unquoted word, which needs no reading. */
  #plain = true;
  /**
   * A quote or comment that is never closed is an ordinary character, and so are all after it: looking again would
   * take quadratic time.
   */
  #unclosedQuote = false;
  #unclosedComment = false;

  constructor(octets: Uint8Array, end: number) {
    // Nothing after the field can be read, not even by looking ahead.
    this.#octets = octets.subarray(0, end);
    this.#end = end;
  }

  scan(start: number): FoundAddress[] {
    for (let at = start; at < this.#end; ) at = this.#step(at);
    return this.#found;
  }

  /** Reads one token and returns where the next begins. */
  #step(at: number): number {
    const octet = this.#octets[at] ?? 0;
    if (WORD[octet] === 1) return this.#word(at, octet);
    switch (octet) {
      case 32:
      case 9:
      case 13:
      case 10:
        return at + 1;
      case QUOTE:
        return this.#quoted(at);
      case OPEN:
        return this.#comment(at);
      case AT:
        return this.#wordsStart < 0 ? at + 1 : this.#address(at);
      default:
        this.#wordsStart = -1;
        return at + 1;
    }
  }

  #word(at: number, octet: number): number {
    if (octet === EQUALS && this.#octets[at + 1] === QUESTION) {
      const words = readEncodedWords(this.#octets, at, this.#end);
      const last = words.at(-1);
      if (last !== undefined) {
        this.#found.push(...wordsThatAreAddress(words));
        this.#wordsStart = -1;
        return last.end;
      }
    }
    const end = this.#endOfWord(at);
    this.#join(at, end, true);
    return end;
  }

  #quoted(at: number): number {
    const end = this.#endOfQuoted(at);
    if (end < 0) {
      this.#wordsStart = -1;
      return at + 1;
    }
    this.#found.push(...textThatIsAddress(this.#octets, at + 1, end - 1));
    this.#join(at, end, false);
    return end;
  }

  #comment(at: number): number {
    const end = this.#endOfComment(at);
    if (end < 0) {
      this.#wordsStart = -1;
      return at + 1;
    }
    this.#found.push(...textThatIsAddress(this.#octets, at + 1, end - 1));
    return end;
  }

  /** RFC 5322 §4.4 obs-local-part: words belong together where a dot joins them. */
  #join(start: number, end: number, plain: boolean): void {
    const joins = this.#wordsStart >= 0 && (this.#octets[start] === DOT || this.#octets[this.#wordsEnd - 1] === DOT);
    this.#wordsStart = joins ? this.#wordsStart : start;
    this.#plain = plain && !joins;
    this.#wordsEnd = end;
  }

  /** Reads the domain after the at sign and keeps the address, if it is one. */
  #address(at: number): number {
    const domain = this.#domain(this.#skipSpace(at + 1));
    const [wordsStart, wordsEnd] = [this.#wordsStart, this.#wordsEnd];
    this.#wordsStart = -1;
    // `a@b@c` is nobody's address: which part is the domain depends on who reads it.
    if (domain === undefined || this.#octets[this.#skipSpace(domain.end)] === AT) return domain?.end ?? at + 1;
    let [start, end, text] = [wordsStart, domain.end, domain.text];
    if (this.#octets[start] === APOSTROPHE && this.#octets[end - 1] === APOSTROPHE) {
      start++;
      end--;
      text = text.slice(0, -1);
    }
    // The dot of the root names the same domain; it stays where it is.
    if (this.#octets[end - 1] === DOT) end--;
    const localPart = this.#plain ? utf8Text(this.#octets, start, wordsEnd) : this.#unquote(start, wordsEnd);
    const mailbox = localPart === '' && this.#plain ? undefined : mailboxOf(localPart, text);
    if (mailbox?.ok !== true) return domain.end;
    // Texts inside the address are part of it: a quoted local part, a comment between its words.
    while ((this.#found.at(-1)?.start ?? -1) >= wordsStart) this.#found.pop();
    this.#found.push({
      kind: 'spec',
      mailbox: mailbox.value,
      start,
      localPartEnd: wordsEnd,
      domainStart: domain.start,
      end,
    });
    return domain.end;
  }

  #domain(start: number): { start: number; end: number; text: string } | undefined {
    if (this.#octets[start] === BRACKET) return this.#literal(start);
    let end = this.#endOfWord(start);
    if (end === start) return undefined;
    let text = utf8Text(this.#octets, start, end);
    // RFC 5322 §4.4 obs-domain: a domain goes on after white space or a comment where a dot joins it.
    for (;;) {
      const next = this.#skipSpace(end);
      if (next === end || next >= this.#end) break;
      if (this.#octets[next] !== DOT && this.#octets[end - 1] !== DOT) break;
      const nextEnd = this.#endOfWord(next);
      if (nextEnd === next) break;
      text += utf8Text(this.#octets, next, nextEnd);
      end = nextEnd;
    }
    return { start, end, text };
  }

  #literal(start: number) {
    for (let at = start + 1; at < this.#end; at++) {
      const octet = this.#octets[at] ?? 0;
      if (octet === BRACKET_END) return { start, end: at + 1, text: utf8Text(this.#octets, start, at + 1) };
      if (octet <= 32 || octet === BRACKET || octet === BACKSLASH || octet > 126) return undefined;
    }
    return undefined;
  }

  #unquote(start: number, end: number): string {
    let text = '';
    for (let at = start; at < end; ) {
      const octet = this.#octets[at] ?? 0;
      if (octet === QUOTE) {
        const quotedEnd = this.#endOfQuoted(at);
        // RFC 5322 §3.2.2: the line end of a fold is no part of what is quoted.
        text += utf8Text(this.#octets, at + 1, quotedEnd - 1)
          .replace(/\r?\n(?=[ \t])/g, '')
          .replace(/\\(.)/g, '$1');
        at = quotedEnd;
      } else if (WORD[octet] === 1) {
        const wordEnd = this.#endOfWord(at);
        text += utf8Text(this.#octets, at, wordEnd);
        at = wordEnd;
      } else at = this.#skipSpace(at);
    }
    return text;
  }

  #endOfWord(start: number): number {
    let at = start;
    while (at < this.#end && WORD[this.#octets[at] ?? 0] === 1) at++;
    return at;
  }

  /** After the closing quote; −1 if there is none. */
  #endOfQuoted(start: number): number {
    if (this.#unclosedQuote) return -1;
    for (let at = start + 1; at < this.#end; at++) {
      const octet = this.#octets[at];
      if (octet === QUOTE) return at + 1;
      if (octet === BACKSLASH) at++;
    }
    this.#unclosedQuote = true;
    return -1;
  }

  /** After the parenthesis that closes the comment, nested ones counted, never recursed into; −1 if there is none. */
  #endOfComment(start: number): number {
    if (this.#unclosedComment) return -1;
    let depth = 0;
    for (let at = start; at < this.#end; at++) {
      const octet = this.#octets[at];
      if (octet === OPEN) depth++;
      else if (octet === CLOSE && --depth === 0) return at + 1;
      else if (octet === BACKSLASH) at++;
    }
    this.#unclosedComment = true;
    return -1;
  }

  /** Past white space, folds and comments. */
  #skipSpace(start: number): number {
    let at = start;
    while (at < this.#end) {
      const octet = this.#octets[at];
      if (octet === 32 || octet === 9 || octet === 13 || octet === 10) at++;
      else if (octet === OPEN) {
        const end = this.#endOfComment(at);
        if (end < 0) return at;
        at = end;
      } else return at;
    }
    return at;
  }
}
