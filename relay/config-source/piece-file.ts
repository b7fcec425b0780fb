/** Reads pieces from their files: verified, unpacked in the thread pool, and parsed so that mail goes on meanwhile. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { PackedRows } from '../core/packed-rows.ts';
import { type AddressRows, type PieceContent, PieceReader } from '../core/pieces.ts';

/** The longest that mail waits for a configuration, with the one line of a piece that comes on top. */
const TURN_MS = 5;
/** Of unpacked text at once; zlib's own 16 KiB would be a turn of the event loop each. */
const UNPACKED_BYTES = 256 * 1024;
/** A line holds up to 1024 rows, or the head of a whole fleet. */
const LINE_BYTES = 64 * 1024 * 1024;

export type PodPiece = PieceContent<PackedRows>;

/** The octets of the file, if they are those that the key names. undefined: they are not, or not yet. */
export async function readVerified(path: string, key: string): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined;
  }
  return createHash('sha256').update(bytes).digest('hex') === key ? bytes : undefined;
}

/** Rejects when the piece is not what an operator of this format writes. */
export async function parsePiece(
  bytes: Uint8Array,
  keep: (rows: AddressRows, rule: string) => PackedRows,
): Promise<PodPiece> {
  const reader = new PieceReader(keep);
  let started = performance.now();
  for await (const line of linesOf(bytes)) {
    const problem = reader.line(line.toString('utf8'));
    if (problem !== undefined) throw new Error(problem);
    if (performance.now() - started < TURN_MS) continue;
    await turn();
    started = performance.now();
  }
  return reader.content;
}

async function* linesOf(bytes: Uint8Array): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: UNPACKED_BYTES });
  gunzip.end(bytes);
  let begun: Buffer[] = [];
  let length = 0;
  for await (const unpacked of gunzip as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = unpacked.indexOf(10); end >= 0; end = unpacked.indexOf(10, start)) {
      yield Buffer.concat([...begun, unpacked.subarray(start, end)]);
      begun = [];
      length = 0;
      start = end + 1;
    }
    begun.push(unpacked.subarray(start));
    length += unpacked.length - start;
    if (length > LINE_BYTES) throw new Error(`a line of a piece is longer than ${LINE_BYTES} octets`);
  }
  if (length > 0) yield Buffer.concat(begun);
}
