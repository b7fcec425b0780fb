/** Turns what a next hop sends into replies, strictly and in time linear in what arrived (RFC 5321 §4.2). */

import type { Reply } from '../core/reply.ts';

/** Octets of one reply with all its lines. The longest honest one, an EHLO reply, has about a thousand. */
export const REPLY_LIMIT = 65_536;

const LF = 10;
const CR = 13;
const SPACE = 32;
const HYPHEN = 45;

/** RFC 3463 §2. The class must be the code's own (RFC 2034 §4), else it is text. */
const ENHANCED_STATUS = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/;
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f]/g;

export class ReplyReader {
  /** Why nothing more can be read from this next hop. */
  broken: string | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #offset = 0;
  /** The beginning of a line whose end has not come yet. Joined once, when it has. */
  #parts: Buffer[] = [];
  #code = 0;
  #texts: string[] = [];
  #octets = 0;

  /** Whether octets wait that are no complete reply. */
  get hasRest(): boolean {
    return this.#parts.length > 0 || this.#texts.length > 0 || this.#offset < this.#buffer.length;
  }

  /** next() must have returned undefined since the last call. */
  push(chunk: Buffer): void {
    if (this.#parts.length === 0) {
      this.#buffer = chunk;
    } else {
      this.#parts.push(chunk);
      if (!chunk.includes(LF)) {
        this.#count(chunk.length);
        return;
      }
      const joined = Buffer.concat(this.#parts);
      this.#octets -= joined.length - chunk.length;
      this.#parts = [];
      this.#buffer = joined;
    }
    this.#offset = 0;
  }

  next(): Reply | undefined {
    while (this.broken === undefined && this.#offset < this.#buffer.length) {
      const end = this.#buffer.indexOf(LF, this.#offset);
      if (end < 0) {
        this.#parts.push(this.#buffer.subarray(this.#offset));
        this.#count(this.#buffer.length - this.#offset);
        this.#offset = this.#buffer.length;
        return undefined;
      }
      const start = this.#offset;
      this.#offset = end + 1;
      this.#count(this.#offset - start);
      const last = this.#line(start, end > start && this.#buffer[end - 1] === CR ? end - 1 : end);
      if (last && this.broken === undefined) return this.#finish();
    }
    return undefined;
  }

  #count(octets: number): void {
    this.#octets += octets;
    if (this.#octets > REPLY_LIMIT) this.broken = `its reply is longer than ${REPLY_LIMIT} octets`;
  }

  /** Reads one line; whether it is the last one of its reply. */
  #line(start: number, end: number): boolean {
    const buffer = this.#buffer;
    const code = end - start < 3 ? Number.NaN : digits(buffer, start);
    const separator = end - start > 3 ? buffer[start + 3] : SPACE;
    if (!(code >= 200 && code < 600) || (separator !== SPACE && separator !== HYPHEN)) {
      const said = buffer.toString('latin1', start, Math.min(end, start + 80));
      this.broken = `it said what is no SMTP reply: ${JSON.stringify(said)}`;
      return false;
    }
    if (this.#texts.length > 0 && code !== this.#code) {
      this.broken = `the lines of its reply have different codes: ${this.#code} and ${code}`;
      return false;
    }
    this.#code = code;
    this.#texts.push(end - start > 4 ? buffer.toString('utf8', start + 4, end).replace(CONTROLS, '?') : '');
    return separator === SPACE;
  }

  #finish(): Reply {
    const code = this.#code;
    const texts = this.#texts;
    this.#texts = [];
    this.#octets = 0;
    const first = ENHANCED_STATUS.exec(texts[0] ?? '');
    if (first === null || Number(first[1]) !== Math.floor(code / 100)) {
      return { code, enhancedStatus: undefined, text: texts.length === 1 ? (texts[0] ?? '') : texts.join('\n') };
    }
    const enhancedStatus = first[0];
    const prefix = `${enhancedStatus} `;
    const text = texts.map((line) => {
      if (line.startsWith(prefix)) return line.slice(prefix.length);
      return line === enhancedStatus ? '' : line;
    });
    return { code, enhancedStatus, text: text.join('\n') };
  }
}

function digits(buffer: Buffer, start: number): number {
  let value = 0;
  for (let index = start; index < start + 3; index += 1) {
    const digit = (buffer[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
