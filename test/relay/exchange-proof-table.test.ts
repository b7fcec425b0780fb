/**
 * Range × certificate × header × recipient × reverse-path: whoever is not proven reaches nobody that the internet may
 * not reach, and no next hop hears of a recipient before the proof that only a tenant may reach.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawSmtp } from '../support/raw-smtp.ts';
import {
  type ExchangeCertificates,
  type ExchangeWorld,
  exchangeCertificates,
  exchangeWorld,
  FOREIGN,
  INSIDE,
  ONE,
  OUTSIDE,
  type Shown,
  TENANT_ID,
} from './exchange-world.ts';

const CLIENTS: readonly (readonly [Shown, string])[] = [
  ['clear text', INSIDE],
  ['no certificate', INSIDE],
  ['forged', INSIDE],
  ['another name', INSIDE],
  ['Exchange Online', OUTSIDE],
  ['Exchange Online', INSIDE],
];

/** Lines of the header, and of the body. */
const HEADERS = {
  none: [[], []],
  right: [[`${TENANT_ID}: ${ONE}`], []],
  folded: [[`${TENANT_ID}:`, ` ${ONE}`], []],
  'odd case': [[`x-ms-EXCHANGE-crosstenant-ID: ${ONE.toUpperCase()}`], []],
  foreign: [[`${TENANT_ID}: ${FOREIGN}`], []],
  two: [[`${TENANT_ID}: ${FOREIGN}`, `${TENANT_ID}: ${ONE}`], []],
  'in a folded value': [['X-Note: see', ` ${TENANT_ID}: ${ONE}`], []],
  'in the body': [[], [`${TENANT_ID}: ${ONE}`]],
} as const;
type HeaderKind = keyof typeof HEADERS;
const PROVING: ReadonlySet<HeaderKind> = new Set(['right', 'folded', 'odd case']);
const WITHOUT_ID: ReadonlySet<HeaderKind> = new Set(['none', 'in a folded value', 'in the body']);

/** Where it goes, when it may. */
const RECIPIENTS = {
  'mary@shared.example': 'tenant2 mary@tenant2.example',
  'ghost@shared.example': 'tenant1 ghost@shared.example',
  'postmaster@shared.example': 'tenant1 postmaster@tenant1.example',
  'bob@tenant2.example': 'tenant2 bob@tenant2.example',
  'bob@world.example': 'world bob@world.example',
} as const;
type Recipient = keyof typeof RECIPIENTS;
const FOR_TENANTS: ReadonlySet<Recipient> = new Set(['bob@tenant2.example', 'bob@world.example']);

/** As a proven tenant1's is announced. */
const REVERSE_PATHS = {
  'john@tenant1.example': 'john@shared.example',
  'john@shared.example': 'john@shared.example',
  'eve@foreign.example': 'eve@foreign.example',
  '': '',
} as const;
type ReversePath = keyof typeof REVERSE_PATHS;

interface Expected {
  readonly recipient: '250' | '550 5.7.1';
  /** Whether a next hop hears of it before the content. */
  readonly asked: boolean;
  /** undefined: DATA is never reached. */
  readonly content?: '250' | '550 5.7.1' | '550 5.1.1' | '451 4.7.1';
  readonly announced?: string;
}

/** The rows of mail-flow §3 and §4, said a second time. */
function expectedOf(exchange: boolean, kind: HeaderKind, to: Recipient, from: ReversePath): Expected {
  if (!exchange) {
    return FOR_TENANTS.has(to)
      ? { recipient: '550 5.7.1', asked: false }
      : { recipient: '250', asked: true, content: '250', announced: from };
  }
  const rcpt = { recipient: '250', asked: !FOR_TENANTS.has(to) } as const;
  if (kind === 'two') return { ...rcpt, content: '550 5.7.1' };
  if (WITHOUT_ID.has(kind) && from === '') return { ...rcpt, content: '451 4.7.1' };
  if (!PROVING.has(kind)) {
    return FOR_TENANTS.has(to) ? { ...rcpt, content: '550 5.7.1' } : { ...rcpt, content: '250', announced: from };
  }
  if (to === 'ghost@shared.example') return { ...rcpt, content: '550 5.1.1' };
  return { ...rcpt, content: '250', announced: REVERSE_PATHS[from] };
}

let certificates: ExchangeCertificates;
let world: ExchangeWorld;
beforeAll(async () => {
  certificates = await exchangeCertificates();
  const limits = { messagesPerMinutePerClient: 100_000 };
  world = await exchangeWorld(certificates, { parts: { limits } });
});
afterAll(async () => {
  await world.stop();
  certificates.remove();
});

/** Connections, and commands that speak of a message: a reset of an earlier transaction tells nobody anything. */
function contacts(): number {
  const conversations = world.peers.flatMap((peer) => peer.conversations);
  const said = conversations.flatMap(({ commands }) => commands.filter((line) => /^(?:MAIL|RCPT|DATA)/.test(line)));
  return conversations.length + said.length;
}

interface Taken {
  readonly place: string;
  readonly announced: string;
  readonly header: string;
}

/** What next hops have taken with this Message-ID. */
function taken(messageId: string): Taken[] {
  return (['tenant1', 'tenant2', 'world'] as const).flatMap((name) =>
    world[name].conversations.flatMap(({ transactions, commands }) => {
      const senders = sendersOf(commands);
      return transactions.flatMap(({ recipients, content }, at) => {
        const [header = ''] = content.split('\r\n\r\n');
        const found = { place: `${name} ${recipients.join(' ')}`, announced: senders[at] ?? 'nobody', header };
        return header.includes(messageId) ? [found] : [];
      });
    }),
  );
}

/** The sender of each transaction that came to its content. */
function sendersOf(commands: readonly string[]): string[] {
  const senders: string[] = [];
  let sender = '';
  for (const line of commands) {
    const mail = /^MAIL FROM:<([^>]*)>/.exec(line);
    if (mail !== null) sender = mail[1] ?? '';
    if (line === 'DATA') senders.push(sender);
  }
  return senders;
}

let messages = 0;

async function play(client: RawSmtp, exchange: boolean, kind: HeaderKind, to: Recipient, from: ReversePath) {
  const expected = expectedOf(exchange, kind, to, from);
  const row = `${kind}, <${from}> to ${to}`;
  const before = contacts();
  expect((await client.command(`MAIL FROM:<${from}>`)).code, row).toBe(250);
  const answer = (await client.command(`RCPT TO:<${to}>`)).text;
  expect(answer.startsWith(expected.recipient), `${row}: ${answer}`).toBe(true);
  expect(contacts() > before, `${row}: a next hop was asked`).toBe(expected.asked);
  if (expected.content === undefined) {
    await client.command('RSET');
    return;
  }
  const [header, body] = HEADERS[kind];
  const messageId = `<${(messages += 1)}@exchange.example>`;
  const lines = ['From: john@tenant1.example', ...header, `Message-ID: ${messageId}`, '', 'Hello', ...body];
  const heard = (await client.data(`${lines.join('\r\n')}\r\n`)).text;
  expect(heard.startsWith(expected.content), `${row}: ${heard}`).toBe(true);
  const deliveries = taken(messageId);
  if (expected.content !== '250') {
    expect(deliveries, row).toEqual([]);
    if (!expected.asked) expect(contacts(), `${row}: a next hop was asked after all`).toBe(before);
    return;
  }
  expect(deliveries, row).toMatchObject([{ place: RECIPIENTS[to], announced: expected.announced }]);
  // Nobody's next hop may believe it: it would be the tenant's word in the mouth of a stranger.
  expect(deliveries[0]?.header).not.toMatch(/^x-ms-exchange-crosstenant-id/im);
}

describe.each(CLIENTS)('a client with %s at %s', (shown, address) => {
  const exchange = shown === 'Exchange Online' && address === INSIDE;

  it.each(Object.keys(HEADERS) as HeaderKind[])('header: %s', async (kind) => {
    const client = await world.client(shown, address);
    for (const to of Object.keys(RECIPIENTS) as Recipient[]) {
      for (const from of Object.keys(REVERSE_PATHS) as ReversePath[]) await play(client, exchange, kind, to, from);
    }
    await client.quit();
  });
});
