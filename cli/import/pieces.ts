/** Tables as CSV texts, each small enough for every way of applying it; an added row changes one line of one of them. */

import { createHash } from 'node:crypto';
import type { AddressRow } from '../../operator/compile/rows.ts';
import type { NamedRow } from './settle.ts';

/**
 * kubectl apply and Argo CD copy an object into an annotation, of which Kubernetes allows 262,144 octets in all. The
 * rest is for the object around the table and for other annotations.
 */
const PIECE_OCTETS = 200_000;
/** Names are for people, and one of them must not fill a table. */
const NAME_LENGTH = 256;
const HEADER = 'Name,InternalAddress,ExternalAddress,OutboundOnly,InboundOnly\n';

/** A power of two of them, so that each is halved when there are too many rows; rows stay in their order. */
export function cutIntoPieces(rows: readonly NamedRow<AddressRow>[]): string[] {
  const lines = rows.map((row) => {
    const text = csvLine(row);
    return { text, octets: octetsInJson(text), place: placeOf(`${row.row.internalKey} ${row.row.externalKey}`) };
  });
  for (let count = 1; ; count *= 2) {
    const pieces = Array.from({ length: count }, () => ({ text: HEADER, octets: octetsInJson(HEADER) }));
    for (const { text, octets, place } of lines) {
      const piece = pieces[Math.floor(place * count)];
      if (piece === undefined) throw new Error(`a row at ${place} of ${count} pieces`);
      piece.text += text;
      piece.octets += octets;
    }
    if (pieces.every((piece) => piece.octets <= PIECE_OCTETS)) return pieces.map((piece) => piece.text);
  }
}

/** From 0 to below 1, evenly: a row has its piece by what it says, not by the rows before it. */
function placeOf(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32BE(0) / 2 ** 32;
}

/** Cells at the end that say nothing are left out. */
function csvLine({ row, name }: NamedRow<AddressRow>): string {
  const cells = [oneLine(name), row.internal, row.external];
  if (row.direction === 'OutboundOnly') cells.push('True');
  if (row.direction === 'InboundOnly') cells.push('', 'True');
  return `${cells.map(quoted).join(',')}\n`;
}

function oneLine(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return [...clean].slice(0, NAME_LENGTH).join('').trim();
}

function quoted(cell: string): string {
  return /[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** As kubectl writes it: encoding/json of Go escapes three more characters, each with six octets. */
function octetsInJson(text: string): number {
  const escaped = text.match(/[<>&\u2028\u2029]/g)?.length ?? 0;
  return Buffer.byteLength(JSON.stringify(text)) - 2 + 5 * escaped;
}
