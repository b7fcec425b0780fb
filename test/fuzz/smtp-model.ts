/** What a client may hear: a small model of the relay, fed with the octets a client has sent and the replies it has read. */

import {
  type Client,
  codesAtRecipient,
  type ContentDue,
  MOST_RECIPIENTS,
  placeOf,
  type Transaction,
} from './smtp-rules.ts';

/** All that the relay counts as a mistake. */
const WRONG = new Set([500, 501, 502, 503, 553, 555]);
/** What the model reads; it takes whatever is answered to anything else, damaged addresses among it. */
const MAIL_ARGUMENT =
  /^FROM:<((?:[a-z0-9+]+@[a-z]+\d?(?:\.[a-z]+)+)?)>((?: SIZE=\d{1,12}| BODY=8BITMIME| XOORG=[a-z]+\d?(?:\.[a-z]+)+)*)$/;
const RCPT_ARGUMENT = /^TO:<(([a-z]+)(?:\+(t\d+))?)@([a-z]+\d?(?:\.[a-z]+)+)>$/;
const MOST_MISTAKES = 10;
const MOST_IDLE = 100;
export type Next = { readonly kind: 'line' | 'content'; readonly text: string };

/** Decided about an address by its tag, for laws that look at what next hops have heard. */
export interface Ledger {
  /** Answered without asking anybody, or not proven yet. */
  readonly untold: Set<string>;
  /** May be heard by a next hop. */
  readonly asked: Set<string>;
}

interface Expected {
  readonly codes: readonly number[] | undefined;
  readonly heard: (code: number) => void;
  /** DATA was sent before its client could know that nobody was accepted: 503 is no mistake of its. */
  readonly isForgiven?: boolean;
}

export class Model {
  client: Client;
  tls = false;
  /** QUIT or 421 was heard. */
  ended = false;
  /** The last content whose answer is due, to be judged by what next hops have got. */
  content: ContentDue | undefined;
  #sent = '';
  #inContent = false;
  #helo = false;
  #transaction: Transaction | undefined;
  #mistakes = 0;
  #idle = 0;
  readonly #ledger: Ledger;

  constructor(client: Client, ledger: Ledger) {
    this.client = client;
    this.#ledger = ledger;
  }

  send(octets: string): void {
    this.#sent += octets;
  }

  /** Nothing was begun that is not ended. */
  get isBetweenLines(): boolean {
    return this.#sent === '' && !this.#inContent;
  }

  get inContent(): boolean {
    return this.#inContent;
  }

  /** What the next reply answers; undefined: none is due. */
  next(): Next | undefined {
    const end = this.#inContent ? /^(?:[^]*?\r\n)?\.\r\n/ : /^[^\n]*\n/;
    const found = end.exec(this.#sent);
    if (found === null) return undefined;
    this.#sent = this.#sent.slice(found[0].length);
    if (!this.#inContent) return { kind: 'line', text: found[0].replace(/\r?\n$/, '') };
    this.#inContent = false;
    return { kind: 'content', text: found[0] };
  }

  /** What the reply breaks; undefined: nothing. */
  heard(about: Next, code: number): string | undefined {
    if (about.kind === 'content') return this.#heardContent(about.text);
    if (code === 421) return this.#heard421(about.text);
    const { codes, heard, isForgiven = false } = this.#expected(about.text);
    if (codes !== undefined && !codes.includes(code)) return `${code} instead of ${codes.join(' or ')}`;
    if (isForgiven && code === 503) this.#idle++;
    else if (WRONG.has(code) && ++this.#mistakes >= MOST_MISTAKES) return `${code} after too many mistakes`;
    heard(code);
    return undefined;
  }

  /** The answers to what is sent will not be read: whatever is there may be obeyed or not. */
  dropped(): void {
    this.ended = true;
    for (const [tag] of this.#sent.matchAll(/t\d+(?=@)/g)) this.#ledger.asked.add(tag);
    for (const { tag } of this.#transaction?.taken ?? []) this.#ledger.asked.add(tag);
  }

  /** TLS is up, and EHLO was said again. */
  secured(client: Client): void {
    this.tls = true;
    this.client = client;
    this.#transaction = undefined;
    this.#helo = true;
    this.#idle++;
  }

  /** The relay may have ended it, and what it said may have been lost with what it did not read. */
  mayHaveEnded(): boolean {
    const lines = this.#sent.split('\n');
    return this.#mistakes + lines.length >= MOST_MISTAKES || lines.some((line) => /^(?:quit|get|post)\b/i.test(line));
  }

  #heard421(line: string): string | undefined {
    this.ended = true;
    const due = this.#mistakes + 1 >= MOST_MISTAKES || this.#idle + 1 >= MOST_IDLE;
    return due || /^(?:get|post)(?: |$)/i.test(line) ? undefined : '421 without a reason';
  }

  #heardContent(text: string): undefined {
    this.content = { transaction: this.#transaction as Transaction, text };
    this.#transaction = undefined;
    this.#mistakes = 0;
    this.#idle = 0;
  }

  #expected(line: string): Expected {
    const [, verb = '', behind] = /^([A-Z]+)(?: (.*))?$/s.exec(line) ?? [];
    // White space around an argument is forgiven.
    const rest = behind?.trim() === '' ? undefined : behind?.trim();
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        if (rest === undefined || !/^[!-~]{1,255}$/.test(rest)) break;
        return {
          codes: [250],
          heard: () => {
            this.#helo = true;
            this.#forget();
          },
        };
      case 'RSET':
        return rest === undefined ? { codes: [250], heard: () => this.#forget() } : loose([501]);
      case 'NOOP':
        return { codes: [250], heard: () => void this.#idle++ };
      case 'HELP':
        return { codes: [214], heard: () => void this.#idle++ };
      case 'QUIT':
        return { codes: [221], heard: () => void (this.ended = true) };
      case 'DATA':
        return this.#data(rest);
      case 'MAIL':
        return this.#mail(rest ?? '') ?? this.#anything(line);
      case 'RCPT':
        return this.#recipient(rest ?? '') ?? this.#anything(line);
    }
    return this.#anything(line);
  }

  #data(rest: string | undefined): Expected {
    const open = this.#transaction;
    if (open === undefined) return loose([503]);
    if (rest !== undefined) return loose([501]);
    const codes = open.accepted > 0 ? [354] : [503];
    const heard = (code: number) => void (this.#inContent = code === 354);
    return { codes, heard, isForgiven: this.#hasRefusedAll() };
  }

  #hasRefusedAll(): boolean {
    const { accepted = 0, requested = 0 } = this.#transaction ?? {};
    return accepted === 0 && requested > 0;
  }

  #mail(rest: string): Expected | undefined {
    const read = MAIL_ARGUMENT.exec(rest);
    if (!this.#helo || this.#transaction !== undefined) return loose([503]);
    if (read === null) return undefined;
    const [, path = '', words = ''] = read;
    const keywords = words.match(/ [A-Z]+/g) ?? [];
    if (new Set(keywords).size !== keywords.length) return loose([501]);
    const organization = /XOORG=(\S+)/.exec(words)?.[1];
    if (organization !== undefined && this.client !== 'candidate') return loose([555]);
    if (Number(/SIZE=(\d+)/.exec(words)?.[1] ?? 0) > 157_286_400) return loose([552]);
    const client = organization === 'tenant1.onmicrosoft.example' ? 'tenant' : this.client;
    return { codes: [250], heard: () => this.#open(path === '', client, false) };
  }

  #recipient(rest: string): Expected | undefined {
    const open = this.#transaction;
    if (open === undefined) return loose([503]);
    const read = RCPT_ARGUMENT.exec(rest);
    if (read === null || open.murky) return undefined;
    if (open.requested >= MOST_RECIPIENTS) return { codes: [452], heard: () => this.#ledger.untold.add(read[3] ?? '') };
    const [, localPart = '', person = '', tag = '', domain = ''] = read;
    const place = placeOf(open.client, person, localPart, domain);
    const requested = open.requested + 1;
    const refused = (code: number): Expected => ({
      codes: [code],
      heard: () => {
        this.#ledger.untold.add(tag);
        this.#transaction = { ...open, requested };
      },
    });
    if (place === undefined) return refused(550);
    const { provisional, peer, forwardPath } = place;
    const [first] = open.taken;
    if (first !== undefined && (first.peer !== peer || open.provisional !== provisional)) return refused(452);
    const known = open.taken.some((one) => one.forwardPath === forwardPath);
    (provisional ? this.#ledger.untold : this.#ledger.asked).add(tag);
    return {
      codes: provisional || known ? [250] : codesAtRecipient(person),
      heard: (code) => {
        const taken = [...open.taken, { tag, person, peer, forwardPath }];
        if (code !== 250) this.#transaction = { ...open, requested };
        else this.#transaction = { ...open, requested, provisional, taken, accepted: open.accepted + 1 };
      },
    };
  }

  /** A line that may be anything: what was answered says what it was. */
  #anything(line: string): Expected {
    for (const [tag] of line.matchAll(/t\d+/g)) this.#ledger.asked.add(tag);
    return {
      codes: undefined,
      isForgiven: /^\s*data\s*$/i.test(line) && this.#hasRefusedAll(),
      heard: (code) => {
        const verb = /^\s*(\w+)/.exec(line)?.[1]?.toUpperCase();
        const open = this.#transaction;
        if (code === 220 || code === 221) this.ended = true;
        if (code === 354) this.#inContent = true;
        if (verb === 'MAIL' && code === 250) this.#open(false, this.client, true);
        else if (verb === 'MAIL' && !WRONG.has(code)) this.#idle++;
        else if (verb === 'RCPT' && open !== undefined && !WRONG.has(code)) {
          const accepted = open.accepted + (code === 250 ? 1 : 0);
          this.#transaction = { ...open, accepted, murky: true, requested: open.requested + 1 };
        } else if (/^(?:EHLO|HELO|RSET)$/.test(verb ?? '') && code === 250) {
          this.#helo ||= verb !== 'RSET';
          this.#forget();
        } else if (code === 250 || code === 214 || code === 252) this.#idle++;
      },
    };
  }

  #open(nullPath: boolean, client: Client, murky: boolean): void {
    this.#transaction = { nullPath, client, provisional: undefined, taken: [], requested: 0, accepted: 0, murky };
  }

  #forget(): void {
    this.#transaction = undefined;
    this.#idle++;
  }
}

function loose(codes: readonly number[]): Expected {
  return { codes, heard: () => undefined };
}
