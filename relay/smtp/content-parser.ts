/**
 * Splits a client's bytes into command lines and content; content ends at CRLF.CRLF and nowhere else (RFC 5321 §4.5.2,
 * CVE-2023-51766).
 */

import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';

const LF = 10;
const CR = 13;
const DOT = 46;
const NOTHING = Buffer.alloc(0);
const LINE_START = Buffer.from('\r\n');
const LINE_WITH_DOT = Buffer.from('\r\n.');

/** RFC 5321 §4.5.3.1.4 says 512 octets; extensions add to it, and long gateway addresses and parameters still fit. */
const COMMAND_OCTETS = 2048;

export interface ContentReceiver {
  /** Never empty. Calls `next` when it can take more. */
  part(bytes: Buffer, next: () => void): void;
  finalDot(): void;
}

export class ContentParser extends SMTPStream {
  #receiver: ContentReceiver | undefined;
  /** The end of the last chunk, as far as it may be the beginning of CRLF.CRLF. */
  #held: Buffer = NOTHING;
  /** How many octets of `#held` are no content: the line end of DATA itself, after which a dot may stand. */
  #borrowed = 0;
  #afterContent: (() => void) | undefined;

  constructor() {
    super({ maxCommandLength: COMMAND_OCTETS });
  }

  startContent(receiver: ContentReceiver): void {
    this._dataMode = true;
    this.#receiver = receiver;
    this.#held = LINE_START;
    this.#borrowed = LINE_START.length;
  }

  /** Commands pipelined behind the content have waited for its reply. */
  override continue(): void {
    const next = this.#afterContent;
    this.#afterContent = undefined;
    next?.();
  }

  /** A last line without its line end is no command: the client may have been cut off in the middle of it. */
  override _flushData(): void {}

  override _feedDataStream(input: Buffer, done: (error?: Error | null) => void): void {
    const chunk = this.#behindHeld(input);
    const start = this.#borrowed;
    // Stuffed dots are taken out in place: parts of their own would cost a client nothing and us an object each.
    let written = start;
    let from = start;
    const keepUntil = (end: number): void => {
      if (end <= from) return;
      if (written !== from) chunk.copyWithin(written, from, end);
      written += end - from;
      from = end;
    };
    let at = chunk.indexOf(LINE_WITH_DOT);
    for (; at >= 0; at = chunk.indexOf(LINE_WITH_DOT, from)) {
      const afterDot = at + LINE_WITH_DOT.length;
      if (isCutShort(chunk, afterDot)) break;
      keepUntil(at + LINE_START.length);
      from = afterDot;
      if (chunk[afterDot] === CR && chunk[afterDot + 1] === LF) {
        this.#end(chunk.subarray(start, written), chunk.subarray(afterDot + 2), done);
        return;
      }
    }
    const hold = at >= 0 ? at : chunk.length - lineEndOctets(chunk);
    keepUntil(hold);
    this.#held = chunk.subarray(hold);
    this.#borrowed = hold === 0 ? start : 0;
    if (written > start) (this.#receiver as ContentReceiver).part(chunk.subarray(start, written), done);
    else done();
  }

  /** Nothing is copied where nothing could end before the first octet. */
  #behindHeld(input: Buffer): Buffer {
    const atStart = this.#borrowed > 0 && this.#borrowed === this.#held.length;
    if (this.#held.length > 0 && !(atStart && input[0] !== DOT)) return Buffer.concat([this.#held, input]);
    this.#borrowed = 0;
    return input;
  }

  #end(lastPart: Buffer, rest: Buffer, done: (error?: Error | null) => void): void {
    const receiver = this.#receiver as ContentReceiver;
    this.#receiver = undefined;
    this.#held = NOTHING;
    this._dataMode = false;
    this._remainder = '';
    this.#afterContent = () => this._write(rest, 'buffer', done);
    // The reader may be behind: the message is whole nevertheless, whatever becomes of the connection.
    if (lastPart.length > 0) receiver.part(lastPart, () => undefined);
    receiver.finalDot();
  }
}

/** Only more bytes can tell whether the dot before `afterDot` is the final one. */
function isCutShort(chunk: Buffer, afterDot: number): boolean {
  return afterDot === chunk.length || (afterDot + 1 === chunk.length && chunk[afterDot] === CR);
}

/** Octets at the end of the chunk that may belong to the line end before a dot. */
function lineEndOctets(chunk: Buffer): number {
  const last = chunk[chunk.length - 1];
  if (last === CR) return 1;
  return last === LF && chunk[chunk.length - 2] === CR ? 2 : 0;
}
