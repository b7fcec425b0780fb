/** Turns the content after DATA into a ReceivedMessage: line endings made CRLF, header section split off, a large body on disk. */

import { isAscii } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { LimitsConfig } from '../core/config.ts';
import type { Body, ReceivedMessage } from '../core/message.ts';
import { type Reply, reply } from '../core/reply.ts';
import { MemoryBody, SpooledBody } from './body.ts';
import { ByteCollector } from './byte-collector.ts';
import { ContentRefused } from './content-stream.ts';
import { LineEndings } from './line-endings.ts';
import { SpoolFile } from './spool.ts';

/** Larger than most mail without attachments; 5,000 connections of a pod could hold 1.2 GiB of it, all uploading at once. */
const MEMORY_BYTES = 256 * 1024;
const CR = 13;
const LF = 10;
const BLANK_LINE = Buffer.from('\r\n\r\n');

const CLIENT_LEFT = reply(451, '4.4.2', 'Connection lost before the end of the message');
const HEADER_TOO_BIG = reply(552, '5.3.4', 'Header section too big');
const NO_SPACE = reply(452, '4.3.1', 'Insufficient system storage, try again later');

export interface ReceiveOptions {
  readonly limits: Pick<LimitsConfig, 'headerBytes'>;
  readonly spool: { readonly folder: string };
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
  #hash: Hash | undefined;
  #file: SpoolFile | undefined;
  /** Parts of the body on their way to the file; undefined while everything fits in memory. */
  #unwritten: Uint8Array[] | undefined;
  #writing = false;
  #ended = false;
  #settled = false;

  constructor(content: Readable, options: ReceiveOptions, resolve: (received: Received) => void) {
    this.#content = content;
    this.#options = options;
    this.#resolve = resolve;
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
    if (!this.#writing) this.#finish();
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
    if (this.#unwritten === undefined) {
      this.#collected.append(bytes);
      if (this.#collected.length <= MEMORY_BYTES) return;
      this.#hash = createHash('sha256');
      const all = this.#collected.take();
      this.#hash.update(all);
      this.#unwritten = [all];
    } else {
      this.#unwritten.push(bytes);
    }
    if (!this.#writing) void this.#write(this.#unwritten);
  }

  async #write(unwritten: Uint8Array[]): Promise<void> {
    this.#writing = true;
    // The client is read no faster than the disk writes.
    this.#content.pause();
    try {
      this.#file ??= await SpoolFile.create(this.#options.spool.folder);
      for (let bytes = unwritten.shift(); bytes !== undefined && !this.#settled; bytes = unwritten.shift()) {
        await this.#file.append(bytes);
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
    const file = this.#file;
    const body: Body =
      file === undefined
        ? new MemoryBody(this.#collected.take())
        : new SpooledBody(file, (this.#hash as Hash).digest());
    this.#resolve({
      ok: true,
      message: {
        headerSection,
        hasSeparator: this.#hasSeparator,
        body,
        header8bit: !isAscii(headerSection),
        body8bit: this.#body8bit,
        bareLineEndings: this.#endings.bare,
        dispose: () => file?.dispose(),
      },
    });
  }

  #fail(answer: Reply, cause?: unknown): void {
    if (this.#settled) return;
    this.#settle();
    if (!this.#writing) this.#file?.dispose();
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
