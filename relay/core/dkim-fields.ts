/**
 * What a DKIM signature covers and how it is written (RFC 6376); hash and signature are made elsewhere and passed in.
 */

import { mailboxKey } from './address.ts';
import { findAddresses } from './address-list.ts';
import { fieldsNamed, type Header, type HeaderField } from './header.ts';
import { base64, utf8Octets } from './octets.ts';

export interface SigningRequest {
  readonly header: Header;
  /** A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** SHA-256 of the body in relaxed canonical form. */
  readonly bodyHash: Uint8Array;
  /** Seconds since 1970 for `t=`; undefined: the tag is left out. */
  readonly timestamp?: number | undefined;
}

export interface PreparedSignature {
  /** What is to be signed with RSASSA-PKCS1-v1_5 and SHA-256 (RFC 6376 §3.3.2). */
  readonly data: Uint8Array;
  /** The whole field with its CRLF, to go above the header. */
  field(signature: Uint8Array): string;
}

/**
 * Named once more than they are there, absent ones too: whoever adds a second one shows a reader something we never
 * signed (RFC 6376 §5.4.2, §8.15).
 */
const ALWAYS = ['From', 'Reply-To', 'Subject', 'To', 'Cc'];
/** The same when present. When absent, a mailing list may add them (Sender) without breaking the signature. */
const WHEN_PRESENT = [
  'Sender',
  'Date',
  'Message-ID',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'In-Reply-To',
  'References',
];
/** Once an instance: lists add theirs, and RFC 8058 §4 wants the one-click fields signed. */
const LIST_FIELDS = [
  'List-Id',
  'List-Help',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'List-Subscribe',
  'List-Post',
  'List-Owner',
  'List-Archive',
];

/** RFC 5322 §2.1.1 asks for lines up to 78; names and base64 are folded to stay below. */
const LINE_OCTETS = 72;

/** We sign for the shared domain only what is from it: all of one From field is one address in it. */
export function shouldSign(header: Header, sharedDomain: string): boolean {
  const [from, ...others] = fieldsNamed(header, 'from');
  if (from === undefined || others.length > 0) return false;
  const authors = findAddresses(header.octets, from.valueStart, from.end).flatMap((found) =>
    found.kind === 'spec' ? [found.mailbox] : [],
  );
  return (
    authors.every((author) => author.domain === sharedDomain) &&
    new Set(authors.map((one) => mailboxKey(one))).size === 1
  );
}

export function prepareSignature(request: SigningRequest): PreparedSignature {
  const { names, fields } = chooseFields(request.header);
  const time = request.timestamp === undefined ? '' : ` t=${Math.floor(request.timestamp)};`;
  const unsigned =
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${request.domain};\r\n` +
    ` s=${request.selector};${time}\r\n` +
    ` h=${foldNames(names)};\r\n` +
    ` bh=${base64(request.bodyHash)};\r\n` +
    ` b=`;
  const own = utf8Octets(unsigned);
  const colon = own.indexOf(58);
  const output = new Canonical(fields.reduce((sum, field) => sum + field.end - field.start + 2, own.length));
  for (const field of fields) {
    output.field(field.name, request.header.octets, field.valueStart, field.end);
    output.lineEnd();
  }
  // RFC 6376 §3.7: the signature field itself comes last, without its line end.
  output.field('dkim-signature', own, colon + 1, own.length);
  return { data: output.octets(), field: (signature) => `${unsigned}${foldBase64(base64(signature))}\r\n` };
}

/** RFC 6376 §5.4.2: of several fields of one name the last is signed first. */
function chooseFields(header: Header): { names: string[]; fields: HeaderField[] } {
  const byName = new Map<string, HeaderField[]>();
  for (const field of header.fields) {
    const present = byName.get(field.name);
    if (present === undefined) byName.set(field.name, [field]);
    else present.push(field);
  }
  const names: string[] = [];
  const fields: HeaderField[] = [];
  const sign = (name: string, extra: (count: number) => number) => {
    const present = byName.get(name.toLowerCase()) ?? [];
    for (let i = 0; i < present.length + extra(present.length); i++) names.push(name);
    fields.push(...[...present].reverse());
  };
  for (const name of ALWAYS) sign(name, () => 1);
  for (const name of WHEN_PRESENT) sign(name, (count) => (count > 0 ? 1 : 0));
  for (const name of LIST_FIELDS) sign(name, () => 0);
  return { names, fields };
}

function foldNames(names: readonly string[]): string {
  let text = '';
  let line = 3;
  for (const [i, name] of names.entries()) {
    if (line + name.length + 1 > LINE_OCTETS) {
      text += '\r\n ';
      line = 1;
    }
    text += i === names.length - 1 ? name : `${name}:`;
    line += name.length + 1;
  }
  return text;
}

function foldBase64(text: string): string {
  return (text.match(new RegExp(`.{1,${LINE_OCTETS}}`, 'g')) ?? []).join('\r\n ');
}

/** Fields in relaxed canonical form (RFC 6376 §3.4.2), one after the other. */
class Canonical {
  readonly #octets: Uint8Array;
  #length = 0;

  constructor(size: number) {
    this.#octets = new Uint8Array(size);
  }

  field(name: string, octets: Uint8Array, start: number, end: number): void {
    for (let i = 0; i < name.length; i++) this.#octets[this.#length++] = name.charCodeAt(i);
    this.#octets[this.#length++] = 58;
    const valueStart = this.#length;
    let space = false;
    for (let at = start; at < end; at++) {
      const octet = octets[at] ?? 0;
      if (octet === 13 || octet === 10) continue;
      if (octet === 32 || octet === 9) {
        space = true;
        continue;
      }
      if (space && this.#length > valueStart) this.#octets[this.#length++] = 32;
      space = false;
      this.#octets[this.#length++] = octet;
    }
  }

  lineEnd(): void {
    this.#octets[this.#length++] = 13;
    this.#octets[this.#length++] = 10;
  }

  octets(): Uint8Array {
    return this.#octets.subarray(0, this.#length);
  }
}
