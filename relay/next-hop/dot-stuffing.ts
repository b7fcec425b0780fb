/**
 * Doubles every dot that begins a line (RFC 5321 §4.5.2), whatever the borders of the pieces, without looking at
 * single octets.
 */

const CRLF_DOT = Buffer.from('\r\n.');
const DOT = Buffer.from('.');
const DOT_CODE = 46;
const CR = 13;
const LF = 10;

/** What ends the content: with the CRLF it lacks, if it does. */
const END = Buffer.from('.\r\n');
const CRLF_END = Buffer.from('\r\n.\r\n');

export class DotStuffing {
  /** 2: at the beginning of a line; 1: after CR; 0: elsewhere. */
  #position: 0 | 1 | 2 = 2;

  /** Appends what must be sent for `piece` to `out`: the piece itself when nothing is to be doubled. */
  add(piece: Uint8Array, out: Uint8Array[]): void {
    if (piece.length === 0) return;
    const bytes = Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    let rest = bytes;
    const before = this.#dotAcrossBorder(bytes);
    if (before >= 0) {
      if (before > 0) out.push(bytes.subarray(0, before));
      out.push(DOT);
      rest = bytes.subarray(before);
    }
    const first = rest.indexOf(CRLF_DOT);
    out.push(first < 0 ? rest : doubled(rest, first));
    this.#position = positionAfter(bytes, this.#position);
  }

  end(): Buffer {
    return this.#position === 2 ? END : CRLF_END;
  }

  /** Where in `bytes` a dot stands whose CRLF began in an earlier piece; −1 for nowhere. */
  #dotAcrossBorder(bytes: Buffer): number {
    if (this.#position === 2) return bytes[0] === DOT_CODE ? 0 : -1;
    if (this.#position === 1) return bytes[0] === LF && bytes[1] === DOT_CODE ? 1 : -1;
    return -1;
  }
}

function doubled(bytes: Buffer, first: number): Buffer {
  const places: number[] = [];
  for (let at = first; at >= 0; at = bytes.indexOf(CRLF_DOT, at + 3)) places.push(at + 2);
  const out = Buffer.allocUnsafe(bytes.length + places.length);
  let from = 0;
  let to = 0;
  for (const place of places) {
    to += bytes.copy(out, to, from, place);
    out[to++] = DOT_CODE;
    from = place;
  }
  bytes.copy(out, to, from);
  return out;
}

function positionAfter(bytes: Buffer, before: 0 | 1 | 2): 0 | 1 | 2 {
  const last = bytes[bytes.length - 1];
  if (last === CR) return 1;
  if (last !== LF) return 0;
  const afterCr = bytes.length > 1 ? bytes[bytes.length - 2] === CR : before === 1;
  return afterCr ? 2 : 0;
}
