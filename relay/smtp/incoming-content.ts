/** One DATA command's content on its way from the parser to the session, within size and time. */

import type { LimitsConfig } from '../core/config.ts';
import { reply } from '../core/reply.ts';
import type { ContentReceiver } from './content-parser.ts';
import { ContentRefused, ContentStream } from './content-stream.ts';

const TOO_BIG = reply(552, '5.3.4', 'Message too big');

export class IncomingContent implements ContentReceiver {
  readonly stream = new ContentStream();
  readonly #limits: LimitsConfig;
  readonly #completed: () => void;
  #octets = 0;
  #complete = false;
  #refusal: ContentRefused | undefined;
  /** When the client runs out of time, before what its octets add; in milliseconds. */
  #deadline: number;

  /** `now` in milliseconds; `completed` is called at the final dot. */
  constructor(limits: LimitsConfig, now: number, completed: () => void) {
    this.#limits = limits;
    this.#deadline = now + limits.commandTimeoutSeconds * 1000;
    this.#completed = completed;
  }

  get octets(): number {
    return this.#octets;
  }

  /** The final dot has come. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Why the front answers itself, whatever the session says. */
  get refusal(): ContentRefused | undefined {
    return this.#refusal;
  }

  part(bytes: Buffer, next: () => void): void {
    this.#octets += bytes.length;
    if (this.#octets > this.#limits.messageBytes && this.#refusal === undefined) {
      this.#refusal = new ContentRefused(TOO_BIG);
      this.stream.destroy(this.#refusal);
    }
    this.stream.give(bytes, next);
  }

  finalDot(): void {
    this.#complete = true;
    this.stream.complete();
    this.#completed();
  }

  /** The session has made up its mind; what it did not read is dropped. */
  drain(): void {
    if (!this.stream.destroyed) this.stream.resume();
  }

  clientLeft(): void {
    if (!this.#complete) this.stream.destroy(new Error('the client left before its final dot'));
  }

  /** Called every `elapsed` milliseconds: time in which we were the slow side is given back. */
  isTooSlow(now: number, elapsed: number): boolean {
    if (this.#complete) return false;
    if (this.stream.isBehind) this.#deadline += elapsed;
    return now > this.#deadline + (this.#octets / this.#limits.minimumBytesPerSecond) * 1000;
  }
}
