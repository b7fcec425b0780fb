/** Writes tar archives (POSIX ustar) in which time, owner and order say nothing about the machine that made them. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Entry } from './entry.ts';

const BLOCK = 512;
const MODE = { plain: 0o644, executable: 0o755 };

/** The whole archive of these entries, in their order. */
export async function* tarOf(entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  for (const entry of entries) yield* tarEntry(entry);
  // The end is two empty blocks.
  yield Buffer.alloc(2 * BLOCK);
}

async function* tarEntry(entry: Entry): AsyncGenerator<Uint8Array> {
  switch (entry.kind) {
    case 'folder':
      yield header({ path: `${entry.path}/`, mode: entry.mode, size: 0, type: '5' });
      return;
    case 'text': {
      const bytes = Buffer.from(entry.text);
      yield header({ path: entry.path, mode: MODE.plain, size: bytes.length, type: '0' });
      yield bytes;
      yield padding(bytes.length);
      return;
    }
    case 'file': {
      const { size } = await stat(entry.from);
      yield header({ path: entry.path, mode: entry.executable ? MODE.executable : MODE.plain, size, type: '0' });
      let read = 0;
      for await (const chunk of createReadStream(entry.from, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
        read += chunk.length;
        yield chunk;
      }
      if (read !== size) throw new Error(`${entry.from} changed while it was read: try again`);
      yield padding(size);
    }
  }
}

const padding = (size: number): Uint8Array => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

interface Header {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** 0 a file, 5 a folder. */
  readonly type: '0' | '5';
}

function header({ path, mode, size, type }: Header): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = splitPath(path);
  const octal = (value: number, offset: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  block.write(name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  // The checksum is made with blanks in its own place.
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345);
  const sum = block.reduce((total, octet) => total + octet, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** ustar has 100 octets for the end of a path and 155 for what is before it, cut at a slash. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  throw new Error(`${path} is too long a path for a tar archive`);
}
