/** Turns the content after DATA into a ReceivedMessage: line endings made CRLF, header section split off, a large body on disk. */

import { isAscii } from 'node:buffer';
import type { Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { LimitsConfig } from '../core/config.ts';
import type { ReceivedMessage } from '../core/message.ts';
import { type Reply, reply } from '../core/reply.ts';
import { hashOf, MemoryBody, SpooledBody } from './body.ts';
import { BodyMemory, type MemoryShare } from './body-memory.ts';
import { BodyPieces } from './body-pieces.ts';
import { ByteCollector } from './byte-collector.ts';
import { ContentRefused } from './content-stream.ts';
import { LineEndings } from './line-endings.ts';
import { SpoolFile } from './spool.ts';

/** Larger than most mail without attachments; 5,000 connections of a pod could hold 1.2 GiB of it, all uploading at once. */
const MEMORY_BYTES = 256 * 1024;
/** Larger bodies share this: files cost half as much again, and 32 MiB are twenty with an ordinary attachment. */
const SHARED_MEMORY = new BodyMemory(32 * 1024 * 1024);
/** What is written to a file at once: each write is a hand-over to the thread pool and back. */
const WRITE_BYTES = 256 * 1024;
const CR = 13;
const LF = 10;
const BLANK_LINE = Buffer.from('\r\n\r\n');

const CLIENT_LEFT = reply(451, '4.4.2', 'Connection lost before the end of the message');
const HEADER_TOO_BIG = reply(552, '5.3.4', 'Header section too big');
const NO_SPACE = reply(452, '4.3.1', 'Insufficient system storage, try again later');

export interface ReceiveOptions {
  readonly limits: Pick<LimitsConfig, 'headerBytes'>;
  readonly spool: { readonly folder: string };
  /** For bodies larger than 256 KiB; without it, what all of the process share. */
  readonly memory?: BodyMemory;
}

export type Received =
  | { readonly ok: true; readonly message: ReceivedMessage }
  /** `cause` is for the log: a disk that failed. */
  | { readonly ok: false; readonly reply: Reply; readonly cause?: unknown };

/** Reads to the end, or leaves the rest of a refused message to be drained. Never rejects. */
export function receiveMessage(content: Readable, options: ReceiveOptions): Promise<Received> {
  return new Promise((resolve) => {
    new Reception(content, options, resolve).start();
  });
}

class Reception {
  readonly #content: Readable;
  readonly #options: ReceiveOptions;
  readonly #resolve: (received: Received) => void;
  readonly #endings = new LineEndings((bytes) => this.#take(bytes));
  readonly #collected = new ByteCollector();
  #headerSection: Buffer | undefined;
  #hasSeparator = false;
  #body8bit = false;
  readonly #body = new BodyPieces();
  readonly #share: MemoryShare;
  /** Of a body larger than MEMORY_BYTES. */
  #hash: Hash | undefined;
  #file: SpoolFile | undefined;
  /** The body goes into the file, `#body` is what is still to be written. */
  #spooled = false;
  #writing = false;
  #ended = false;
  #settled = false;

  constructor(content: Readable, options: ReceiveOptions, resolve: (received: Received) => void) {
    this.#content = content;
    this.#options = options;
    this.#resolve = resolve;
    this.#share = (options.memory ?? SHARED_MEMORY).share();
  }

  start(): void {
    // Whoever calls late may find that the client has left: such a stream says nothing any more.
    if (this.#content.destroyed) return this.#onError(this.#content.errored);
    this.#content.on('data', this.#onData);
    this.#content.on('end', this.#onEnd);
    this.#content.on('error', this.#onError);
    this.#content.on('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#endings.update(chunk);
  };

  readonly #onEnd = (): void => {
    this.#endings.finish();
    this.#ended = true;
    if (this.#writing) return;
    if (this.#spooled && this.#body.length > 0) void this.#write();
    else this.#finish();
  };

  readonly #onError = (error: Error | null): void => {
    this.#fail(error instanceof ContentRefused ? error.reply : CLIENT_LEFT);
  };

  readonly #onClose = (): void => {
    if (!this.#ended) this.#fail(CLIENT_LEFT);
  };

  #take(bytes: Buffer): void {
    if (this.#settled) return;
    if (this.#headerSection === undefined) this.#takeHeader(bytes);
    else this.#takeBody(bytes);
  }

  #takeHeader(bytes: Buffer): void {
    const searchFrom = Math.max(0, this.#collected.length - BLANK_LINE.length + 1);
    this.#collected.append(bytes);
    const all = this.#collected.bytes();
    const emptySection = all[0] === CR && all[1] === LF;
    const end = emptySection ? 0 : all.indexOf(BLANK_LINE, searchFrom) + 2;
    const found = emptySection || end > 1;
    if ((found ? end : all.length) > this.#options.limits.headerBytes) {
      this.#fail(HEADER_TOO_BIG);
    } else if (found) {
      this.#collected.take();
      this.#headerSection = all.subarray(0, end);
      this.#hasSeparator = true;
      if (all.length > end + 2) this.#takeBody(all.subarray(end + 2));
    }
  }

  #takeBody(bytes: Buffer): void {
    this.#body8bit ||= !isAscii(bytes);
    this.#hash?.update(bytes);
    this.#body.append(bytes);
    if (!this.#spooled && this.#fitsInMemory()) return;
    this.#spooled = true;
    if (!this.#writing && this.#body.length >= WRITE_BYTES) void this.#write();
  }

  #fitsInMemory(): boolean {
    if (this.#body.length <= MEMORY_BYTES) return true;
    this.#hash ??= hashOf(this.#body.pieces());
    if (this.#share.holds(this.#body.length)) return true;
    this.#share.giveBack();
    return false;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    // The client is read no faster than the disk writes.
    this.#content.pause();
    try {
      this.#file ??= await SpoolFile.create(this.#options.spool.folder);
      while (this.#body.length >= (this.#ended ? 1 : WRITE_BYTES) && !this.#settled) {
        await this.#file.append(this.#body.take());
      }
    } catch (cause) {
      this.#fail(NO_SPACE, cause);
    }
    this.#writing = false;
    if (this.#settled) this.#file?.dispose();
    else if (this.#ended) this.#finish();
    else this.#content.resume();
  }

  #finish(): void {
    if (this.#settled) return;
    this.#settle();
    const headerSection = this.#headerSection ?? this.#collected.take();
    const digest = this.#hash?.digest();
    const body =
      this.#file === undefined
        ? new MemoryBody(this.#body.take(), digest)
        : new SpooledBody(this.#file, digest as Buffer);
    this.#resolve({
      ok: true,
      message: {
        headerSection,
        hasSeparator: this.#hasSeparator,
        body,
        header8bit: !isAscii(headerSection),
        body8bit: this.#body8bit,
        bareLineEndings: this.#endings.bare,
        dispose: () => {
          body.dispose();
          this.#share.giveBack();
        },
      },
    });
  }

  #fail(answer: Reply, cause?: unknown): void {
    if (this.#settled) return;
    this.#settle();
    if (!this.#writing) this.#file?.dispose();
    this.#share.giveBack();
    // What is left of the message is read and dropped: SMTP has no way to stop a client before its final dot.
    this.#content.resume();
    this.#resolve(cause === undefined ? { ok: false, reply: answer } : { ok: false, reply: answer, cause });
  }

  /** The error listener stays: the client may still leave while the rest is drained. */
  #settle(): void {
    this.#settled = true;
    this.#content.off('data', this.#onData);
    this.#content.off('end', this.#onEnd);
    this.#content.off('close', this.#onClose);
  }
}
