/** The content of one DATA command as a stream: parts come from the parser, which waits while the reader is behind. */

import { Readable } from 'node:stream';
import type { Reply } from '../core/reply.ts';

/** What a 64 KiB network read needs to pass without waiting. */
const BUFFER_BYTES = 64 * 1024;

/** The stream's error when the front itself has refused the content and answers for it, instead of the client having left. */
export class ContentRefused extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(reply.text);
    this.reply = reply;
  }
}

export class ContentStream extends Readable {
  #waiting: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: BUFFER_BYTES });
  }

  /** Calls `next` once the reader can take more, at once if it can now or has gone. */
  give(part: Buffer, next: () => void): void {
    if (this.destroyed || this.push(part)) next();
    else this.#waiting = next;
  }

  /** The final dot has come. */
  complete(): void {
    if (!this.destroyed) this.push(null);
  }

  /** Whether the parser waits for the reader: time that is not the client's fault. */
  get isBehind(): boolean {
    return this.#waiting !== undefined;
  }

  override _read(): void {
    this.#goOn();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // An error that nobody listens for would end the process; whoever stopped reading does not want it.
    callback(this.listenerCount('error') > 0 ? error : null);
    this.#goOn();
  }

  #goOn(): void {
    const next = this.#waiting;
    this.#waiting = undefined;
    next?.();
  }
}
