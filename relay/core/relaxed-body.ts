/** DKIM's relaxed canonical form of a body as it streams by (RFC 6376 §3.4.4), the same however it is cut into chunks. */

const [TAB, LF, CR, SPACE] = [9, 10, 13, 32];
const CRLF = new Uint8Array([CR, LF]);
const ONE_SPACE = new Uint8Array([SPACE]);
/** Pieces are gathered to this size: one call of a hash costs as much as a few hundred octets. */
const BUFFER_OCTETS = 16384;
/** In text a search finds the next blank at once and costs more than looking octet by octet; so it is asked this seldom. */
const SEARCH_OCTETS = 512;

/** Takes a body whose lines end in CRLF. `sink` gets octets that are only its own during the call. */
export class RelaxedBody {
  readonly #sink: (octets: Uint8Array) => void;
  readonly #buffer = new Uint8Array(BUFFER_OCTETS);
  #buffered = 0;
  #heldLineEnds = 0;
  #heldCarriageReturn = false;
  #heldSpace = false;
  #empty = true;

  constructor(sink: (octets: Uint8Array) => void) {
    this.#sink = sink;
  }

  update(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    let start = 0;
    let at = 0;
    if (this.#heldCarriageReturn && chunk[0] === LF) {
      this.#heldLineEnds++;
      start = at = 1;
    }
    this.#heldCarriageReturn = chunk[chunk.length - 1] === CR;
    if (this.#heldSpace) {
      while (at < chunk.length && isBlank(chunk[at])) at++;
      if (at === chunk.length) return;
      // RFC 6376 §3.4.4 (a): white space at the end of a line is ignored.
      if (chunk[at] !== CR) this.#content(ONE_SPACE, 0, 1);
      this.#heldSpace = false;
      start = at;
    }
    const { length } = chunk;
    let [space, tab, search] = [-1, -1, at];
    for (; at < length; at++) {
      if (at >= search) {
        // Encoded attachments have no white space for megabytes, which the platform's search passes forty times as fast.
        if (space < at) space = positionOf(chunk, SPACE, at);
        if (tab < at) tab = positionOf(chunk, TAB, at);
        at = Math.min(space, tab);
        search = at + SEARCH_OCTETS;
      }
      const octet = chunk[at];
      if (octet !== SPACE && octet !== TAB) continue;
      const next = chunk[at + 1];
      // One space between two words, by far the most frequent case, stays as it is.
      if (octet === SPACE && next !== SPACE && next !== TAB && next !== CR && next !== undefined) continue;
      this.#piece(chunk, start, at);
      while (at < length && isBlank(chunk[at])) at++;
      if (at === length) this.#heldSpace = true;
      else if (chunk[at] !== CR) this.#content(ONE_SPACE, 0, 1);
      start = at;
    }
    this.#piece(chunk, start, chunk.length);
  }

  /** An empty body stays empty; any other ends with exactly one CRLF. */
  finish(): void {
    if (!this.#empty) this.#write(CRLF, 0, 2);
    this.#flush();
  }

  /** Line ends at the end of a piece wait until it is known that something follows them. */
  #piece(octets: Uint8Array, start: number, end: number): void {
    let contentEnd = end;
    while (contentEnd > start && isLineEnd(octets[contentEnd - 1])) contentEnd--;
    if (contentEnd > start) this.#content(octets, start, contentEnd);
    for (let at = contentEnd; at < end; at++) if (octets[at] === LF) this.#heldLineEnds++;
  }

  #content(octets: Uint8Array, start: number, end: number): void {
    for (; this.#heldLineEnds > 0; this.#heldLineEnds--) this.#write(CRLF, 0, 2);
    this.#empty = false;
    this.#write(octets, start, end);
  }

  #write(octets: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size > BUFFER_OCTETS - this.#buffered) this.#flush();
    if (size > BUFFER_OCTETS) {
      this.#sink(octets.subarray(start, end));
      return;
    }
    if (size > 64) this.#buffer.set(octets.subarray(start, end), this.#buffered);
    else for (let i = 0; i < size; i++) this.#buffer[this.#buffered + i] = octets[start + i] ?? 0;
    this.#buffered += size;
  }

  #flush(): void {
    if (this.#buffered > 0) this.#sink(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }
}

/** The length when there is none. */
function positionOf(octets: Uint8Array, wanted: number, start: number): number {
  const at = octets.indexOf(wanted, start);
  return at < 0 ? octets.length : at;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function isLineEnd(octet: number | undefined): boolean {
  return octet === CR || octet === LF;
}
