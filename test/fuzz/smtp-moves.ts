/** What clients do, in any order: valid, malformed, pipelined, cut at any octet, broken off. Data, so that it can be shortened and played again. */

import { TENANT_IDS } from './smtp-rules.ts';
import type { Random } from './random.ts';

export type From = 'stranger' | 'tenant' | 'exchange';
export type Move = { readonly connection: number } & (
  | { readonly does: 'open'; readonly from: From }
  | { readonly does: 'secure'; readonly certificate: boolean }
  /** Latin-1; each part is a write of its own. `waits`: until every reply that is due has come. */
  | {
      readonly does: 'send';
      readonly parts: readonly string[];
      readonly waits: boolean;
      /** Only after 354. */
      readonly asContent?: boolean;
    }
  | { readonly does: 'drop' }
);

const CONNECTIONS = 3;
const LOCAL_PARTS = ['john', 'mary', 'john', 'mary', 'gone', 'busy', 'refuses', 'ghost', 'bob'];
const DOMAINS = ['shared.example', 'shared.example', 'world.example', 'tenant1.example', 'tenant2.example'];
/** Recipients of one next hop, most of whom it knows. */
const ALIKE = [
  { people: ['john', 'john', 'gone'], domain: 'shared.example' },
  { people: ['mary'], domain: 'shared.example' },
  { people: ['bob', 'bob', 'bob', 'gone', 'busy'], domain: 'world.example' },
  { people: ['bob', 'bob', 'gone'], domain: 'tenant2.example' },
];
const SENDERS = ['', 'eve@world.example', 'john@tenant1.example', 'john+s1@tenant1.example', 'mary@shared.example'];
const PARAMETERS = [
  ...['', '', '', '', ' SIZE=100', ' BODY=8BITMIME', ' SIZE=999999999999', ' SIZE=1 SIZE=2'],
  ...[' XOORG=tenant1.onmicrosoft.example', ' XOORG=tenant1.onmicrosoft.example', ' XOORG=foreign.example'],
];
const ODD = [
  ...['RSET', 'RSET', 'NOOP', 'NOOP x', 'HELP', 'VRFY john', 'VRFY', 'RSET x', 'DATA x', 'STARTTLS x', 'EHLO again'],
  ...[
    'MAIL FROM:',
    'MAIL',
    'RCPT',
    'MAIL FROM:<a@b',
    'MAIL FROM:<\xe4@x.example>',
    'RCPT TO:<>',
    'RCPT TO:<postmaster>',
  ],
  ...['RCPT TO:<"a b"@x.example>', 'RCPT TO:<@a,@b:john@shared.example>', 'MAIL FROM:<a@b> RET=FULL', 'AUTH PLAIN', ''],
  ...[
    'BDAT 5 LAST',
    'EHLO',
    'helo x',
    'mail from:<a@world.example>',
    'Rcpt To:<JOHN@Shared.Example>',
    'data',
    'GET / HTTP/1.1',
  ],
];

export class Moves {
  readonly #random: Random;
  /** Connection 0 to 2; what is known of it only makes moves likelier to be fitting. */
  readonly #open = new Set<number>();
  #tag = 0;
  #id: string;
  #message = 0;
  /** Those whose DATA is answered before they go on. */
  readonly #waiting = new Set<number>();

  constructor(random: Random, id: string) {
    this.#random = random;
    this.#id = id;
  }

  next(): Move {
    const random = this.#random;
    const connection = random.below(CONNECTIONS);
    if (!this.#open.has(connection)) {
      this.#open.add(connection);
      return { connection, does: 'open', from: random.pick(['stranger', 'tenant', 'exchange', 'exchange']) };
    }
    if (this.#waiting.delete(connection)) return { ...this.#send(connection, this.#content()), asContent: true };
    switch (random.below(24)) {
      case 0:
        this.#open.delete(connection);
        return { connection, does: 'drop' };
      case 1:
        return { connection, does: 'secure', certificate: !random.once(4) };
      case 2:
        return this.#send(connection, 'QUIT\r\n');
      case 3:
        return this.#send(connection, this.#damaged(this.#transaction() + this.#content()));
      case 4:
      case 5:
        return this.#send(connection, random.pick(ODD) + '\r\n');
      case 6:
        return this.#send(connection, `${this.#line()}\r\n${this.#line()}\r\n${random.pick(ODD)}\r\n`);
      case 7:
        return this.#send(connection, this.#content());
      case 8:
      case 9:
        return this.#send(connection, `${this.#line()}\r\n`);
      default:
        if (random.once(4)) return this.#send(connection, this.#transaction() + this.#content());
        this.#waiting.add(connection);
        return this.#send(connection, this.#transaction());
    }
  }

  #send(connection: number, octets: string): Extract<Move, { does: 'send' }> {
    const random = this.#random;
    const parts: string[] = [];
    let rest = octets;
    while (rest.length > 1 && !random.once(2) && parts.length < 4) {
      const cut = 1 + random.below(rest.length - 1);
      parts.push(rest.slice(0, cut));
      rest = rest.slice(cut);
    }
    return { connection, does: 'send', parts: [...parts, rest], waits: !random.once(6) };
  }

  #transaction(): string {
    const lines = this.#random.once(4) ? ['RSET'] : ['EHLO client.example'];
    lines.push(this.#mail());
    const kind = this.#random.once(3) ? undefined : this.#random.pick(ALIKE);
    for (let recipients = 1 + this.#random.below(this.#random.once(6) ? 9 : 3); recipients > 0; recipients--) {
      lines.push(this.#recipient(kind));
    }
    lines.push('DATA');
    return `${lines.join('\r\n')}\r\n`;
  }

  #line(): string {
    switch (this.#random.below(4)) {
      case 0:
        return this.#mail();
      case 1:
        return 'DATA';
      default:
        return this.#recipient();
    }
  }

  #mail(): string {
    return `MAIL FROM:<${this.#random.pick(SENDERS)}>${this.#random.once(3) ? this.#random.pick(PARAMETERS) : ''}`;
  }

  #recipient(kind?: { readonly people: readonly string[]; readonly domain: string }): string {
    const random = this.#random;
    if (kind === undefined && random.once(10))
      return `RCPT TO:<${random.pick(['postmaster', 'abuse'])}@shared.example>`;
    // Now and then the one before once more.
    if (!random.once(8)) this.#tag++;
    return `RCPT TO:<${random.pick(kind?.people ?? LOCAL_PARTS)}+t${this.#tag}@${kind?.domain ?? random.pick(DOMAINS)}>`;
  }

  /** With its final dot, mostly. */
  #content(): string {
    const random = this.#random;
    const [one = '', two = ''] = TENANT_IDS.keys();
    const foreign = '99999999-aaaa-bbbb-cccc-000000000009';
    const ids = random.pick([[], [], [one], [one], [one], [two], [foreign], [one, foreign], [one, one]]);
    const lines = [
      `From: <${random.pick(SENDERS)}>`,
      ...ids.map((id) => `X-MS-Exchange-CrossTenant-Id: ${id}`),
      `X-Fuzz: ${this.#id}.${String(this.#message++).padStart(4, '0')}`,
      '',
      ...random.some(4, () =>
        random.pick(['Hello', '..', '..dot', '', 'X-MS-Exchange-CrossTenant-Id: x', '.. ', 'MAIL FROM:<>']),
      ),
      ...(random.once(100)
        ? Array.from({ length: 5000 }, () => 'A line of a body that is not held in memory, as it is large')
        : []),
    ];
    return `${lines.join('\r\n')}\r\n${random.once(20) ? '' : '.\r\n'}`;
  }

  #damaged(octets: string): string {
    const random = this.#random;
    const at = random.below(octets.length);
    const until = at + random.below(6);
    const middle = random.pick([
      '',
      ' ',
      '\0',
      '\xff',
      '<',
      '>',
      '"',
      '\r\n',
      'x'.repeat(40),
      octets.slice(at, until).toLowerCase(),
    ]);
    const damaged = octets.slice(0, at) + middle + octets.slice(until);
    // A handshake is a move of its own.
    return damaged.replaceAll(/starttls[ \t]*\r?\n/gi, 'NOOP\r\n');
  }
}
