/**
 * DKIM's relaxed canonical form of a body as it streams by (RFC 6376 §3.4.4), the same however it is cut into chunks.
 */

const [TAB, LF, CR, SPACE] = [9, 10, 13, 32];
const CRLF = new Uint8Array([CR, LF]);
const ONE_SPACE = new Uint8Array([SPACE]);
/** Pieces are gathered to this size: one call of a hash costs as much as a few hundred octets. */
const BUFFER_OCTETS = 16384;
/** So far without white space, and it is taken for an encoded attachment, which is then passed in strides. */
const WINDOW_OCTETS = 512;
const STRIDE_OCTETS = 4096;

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
    for (at = nextBlank(chunk, at); at < chunk.length; at = nextBlank(chunk, at + 1)) {
      this.#piece(chunk, start, at);
      while (at < chunk.length && isBlank(chunk[at])) at++;
      if (at === chunk.length) this.#heldSpace = true;
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

/**
 * Where white space begins that is not just one space between two words, the most frequent case; the length if
 * nowhere.
 */
function nextBlank(octets: Uint8Array, start: number): number {
  const end = octets.length;
  for (let from = start; from < end; ) {
    const windowEnd = Math.min(from + WINDOW_OCTETS, end);
    let words = false;
    for (let at = from; at < windowEnd; at++) {
      const octet = octets[at];
      if (octet !== SPACE && octet !== TAB) continue;
      words = true;
      const next = octets[at + 1];
      if (octet === TAB || next === SPACE || next === TAB || next === CR || next === undefined) return at;
    }
    from = words ? windowEnd : pastBlankFree(octets, windowEnd);
  }
  return end;
}

/**
 * Encoded attachments have no white space for megabytes: the platform's search passes them many times as fast as a
 * loop.
 */
function pastBlankFree(octets: Uint8Array, start: number): number {
  let from = start;
  while (from < octets.length) {
    const stride = octets.subarray(from, from + STRIDE_OCTETS);
    if (stride.includes(SPACE) || stride.includes(TAB)) return from;
    from += stride.length;
  }
  return from;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function isLineEnd(octet: number | undefined): boolean {
  return octet === CR || octet === LF;
}
