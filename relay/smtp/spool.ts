/** Unlinked temporary files in which large bodies wait for their final dot: no name, no fsync, gone with the process. */

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** One read each: large enough that the thread pool's hand-over does not matter, small enough for 1,000 readers. */
const READ_BYTES = 64 * 1024;

export class SpoolFile {
  readonly #file: FileHandle;
  #size = 0;
  #users = 1;
  #disposed = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Rejects when the folder cannot take a file. */
  static async create(folder: string): Promise<SpoolFile> {
    const path = join(folder, `.isthmus-${process.pid}-${randomBytes(9).toString('base64url')}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (cause) {
      await file.close();
      throw new Error(`cannot unlink the spool file ${path}`, { cause });
    }
    return new SpoolFile(file);
  }

  get size(): number {
    return this.#size;
  }

  /** One write at a time. Rejects when the disk is full. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    let rest = [...pieces];
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest, this.#size);
      this.#size += bytesWritten;
      rest = behind(rest, bytesWritten);
    }
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#disposed) throw new Error('the spool file was given back before it was read');
    this.#users++;
    try {
      for (let position = 0; position < this.#size; ) {
        const { buffer, bytesRead } = await this.#file.read(
          Buffer.allocUnsafeSlow(READ_BYTES),
          0,
          READ_BYTES,
          position,
        );
        if (bytesRead === 0) throw new Error(`the spool file ends at ${position} of ${this.#size} octets`);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      this.#release();
    }
  }

  /** The descriptor stays open until the last reader has finished: its number must not be given to another file under a read. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#release();
  }

  #release(): void {
    this.#users--;
    // Nothing depends on how closing ends: the file has no name and its bytes no reader.
    if (this.#users === 0) this.#file.close().catch(() => undefined);
  }
}

function behind(pieces: readonly Uint8Array[], octets: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const written = Math.max(0, octets - start);
    start += piece.length;
    if (written < piece.length) rest.push(piece.subarray(written));
  }
  return rest;
}
