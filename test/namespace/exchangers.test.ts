/** Mail to the internet as it really goes: a DNS server on port 53, mail exchangers on port 25, public addresses. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createNextHops, type NextHopsOptions, type SendingSide } from '../../relay/next-hop/next-hops.ts';
import { type Script, type ScriptedPeer, startPeerAt } from '../relay/next-hop/scripted-peer.ts';
import { message, soon, TENANT, told } from '../relay/next-hop/sending.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { useAddresses } from '../support/namespace.ts';
import { startPostfix } from '../support/postfix.ts';
import { nextHop, relayConfig, tenantRoute } from '../support/relay-config.ts';

const DNS = '198.51.100.53';
const ONE = '198.51.100.1';
const TWO = '198.51.100.2';
const SIX = '2001:db8::6';
const NOBODY = '198.51.100.99';
const EGRESS = '198.51.100.200';

const ZONES = {
  'world.example': `@ MX 20 two\n@ MX 10 one\none A ${ONE}\ntwo A ${TWO}\nequal MX 10 one\nequal MX 10 two`,
  'backup.example': `@ MX 10 nobody\n@ MX 20 two\nnobody A ${NOBODY}\ntwo A ${TWO}`,
  'implicit.example': `@ A ${ONE}\ntext TXT "no mail here"`,
  'null.example': `@ MX 0 .\n@ A ${ONE}`,
  'gone.example': '@ MX 10 no-such-host\nhalf MX 10 no-such-host.gone.example.\nhalf MX 20 mx\nmx A 198.51.100.1',
  'private.example': [
    '@ MX 10 loop',
    'loop A 127.0.0.1',
    'ten MX 10 ten-mx',
    'ten-mx A 10.0.0.1',
    'mixed MX 10 loop',
    'mixed MX 20 mx',
    `mx A ${ONE}`,
    'mapped MX 1 mapped-mx',
    'mapped-mx AAAA ::ffff:127.0.0.1',
    'bare A 192.168.1.1',
    'twofold MX 1 both',
    'both A 127.0.0.1',
    `both A ${ONE}`,
  ].join('\n'),
  'own.example': `@ MX 10 mx\nmx A ${TWO}\negress MX 10 out\nout A ${EGRESS}`,
  'six.example': `@ MX 10 mx\nmx AAAA ${SIX}\nboth MX 10 dual\ndual A ${NOBODY}\ndual AAAA ${SIX}`,
  'broken.example': 'broken',
  'half.example': `@ MX 10 mx.broken.example.\n`,
  'outlook.com': `tenant1-example.mail.protection A ${ONE}`,
  'customer.example': '@ MX 0 tenant1-example.mail.protection.outlook.com.',
} as const;

let dns: DnsServer;

beforeAll(async () => {
  await useAddresses([DNS, ONE, TWO, SIX, NOBODY, EGRESS]);
  dns = await startDnsServer({ address: DNS, port: 53, zones: ZONES });
});

afterAll(() => dns.stop());

async function exchanger(address: string, script: Script = {}): Promise<ScriptedPeer> {
  const peer = await startPeerAt(address, 25, [script]);
  onTestFinished(() => peer.stop());
  return peer;
}

interface WayOut {
  readonly addressFamily?: 'IPv4' | 'IPv6' | 'Any';
  readonly dnsServers?: readonly string[];
  readonly egressCIDRs?: readonly string[];
}

function wayOut(over: WayOut = {}, options: Partial<NextHopsOptions> = {}): SendingSide {
  const { addressFamily = 'IPv4', dnsServers = [DNS], egressCIDRs = [] } = over;
  const outbound = { route: 'MX' as const, addressFamily, dnsServers: [...dnsServers], egressCIDRs: [...egressCIDRs] };
  const hop = { mxOf: 'gone.example', tls: { mode: 'Opportunistic' as const }, addressFamily, limits: {} };
  const tenantRoutes = [tenantRoute('tenant1', { nextHop: hop }), tenantRoute('hosts', { nextHop: nextHop() })];
  const config = relayConfig({ fleet: { outbound }, tenantRoutes });
  const nextHops = createNextHops({ config, credentials: new Map(), ...options });
  onTestFinished(() => nextHops.close());
  return nextHops;
}

async function sendTo(domain: string, nextHops = wayOut()): Promise<string> {
  const claim = nextHops.claim({ target: { kind: 'MX', domain }, reversePath: 'a@shared.example', parameters: {} });
  const asked = await claim.recipient(`user@${domain}`);
  const result = asked.ok ? await claim.deliver(message(), soon()) : asked;
  claim.release();
  return told(result);
}

const TAKEN = '250 2.0.0 taken';

describe('hosts', () => {
  test('the preferred one gets the mail', async () => {
    const peers = [await exchanger(ONE), await exchanger(TWO)];
    expect(await sendTo('world.example')).toBe(TAKEN);
    expect(peers.map((peer) => peer.conversations.length)).toEqual([1, 0]);
  });

  test('the next one, when nobody listens at the preferred one', async () => {
    const peer = await exchanger(TWO);
    expect(await sendTo('backup.example')).toBe(TAKEN);
    expect(peer.conversations[0]?.contents).toHaveLength(1);
  });

  test.each(['421 4.3.2 later', '554 5.7.1 no'])('the next one, when the preferred one says %s', async (greeting) => {
    await exchanger(ONE, { greeting });
    const second = await exchanger(TWO);
    expect(await sendTo('world.example')).toBe(TAKEN);
    expect(second.conversations[0]?.contents).toHaveLength(1);
  });

  test('nobody at all is a refusal that decides nothing', async () => {
    expect(await sendTo('world.example')).toBe('connect: nothing');
  });

  test('equal ones share the mail as the dice fall', async () => {
    const peers = [await exchanger(ONE), await exchanger(TWO)];
    // The first ticket drawn is the lower one in half of the messages, so each host is the first one once.
    for (const tickets of [
      [0.1, 0.9],
      [0.9, 0.1],
    ]) {
      let drawn = 0;
      await sendTo('equal.world.example', wayOut({}, { random: () => tickets[drawn++ % 2] ?? 0 }));
    }
    expect(peers.map((peer) => peer.conversations.length)).toEqual([1, 1]);
  });
});

describe('what DNS says', () => {
  test('implicit MX: the domain itself', async () => {
    const peer = await exchanger(ONE);
    expect(await sendTo('implicit.example')).toBe(TAKEN);
    expect(peer.conversations).toHaveLength(1);
  });

  test.each([
    ['null.example', /^lookup: nothing => 556 5\.1\.10 /],
    ['no-such.world.example', /^lookup: nothing => 550 5\.1\.2 /],
    ['text.implicit.example', /^lookup: nothing => 550 5\.1\.2 /],
    ['gone.example', /^lookup: nothing => 550 5\.4\.4 /],
    ['broken.example', /^lookup: nothing => 451 4\.4\.3 /],
    ['half.example', /^lookup: nothing => 451 4\.4\.3 /],
    ['outside.invalid', /^lookup: nothing => 451 4\.4\.3 /],
  ])('%s', async (domain, expected) => {
    await exchanger(ONE);
    expect(await sendTo(domain)).toMatch(expected);
  });

  test('a host that does not exist is passed over', async () => {
    await exchanger(ONE);
    expect(await sendTo('half.gone.example')).toBe(TAKEN);
  });

  test('nobody answers: temporary', async () => {
    const silent = createSocket('udp4').bind(53, NOBODY);
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const nextHops = wayOut({ dnsServers: [NOBODY] }, { durations: { query: 50 } });
    expect(await sendTo('world.example', nextHops)).toMatch(/^lookup: nothing => 451 4\.4\.3 /);
  });

  test('--dns-server wins over the configuration', async () => {
    await exchanger(ONE);
    const nextHops = wayOut({ dnsServers: [NOBODY] }, { dnsServers: [`${DNS}:53`] });
    expect(await sendTo('world.example', nextHops)).toBe(TAKEN);
  });

  test('the domain that a tenant’s next hop is the MX of: its admin’s fault decides nothing for senders', async () => {
    const claim = wayOut().claim({ target: TENANT, reversePath: '', parameters: {} });
    expect(told(await claim.recipient('john@tenant1.example'))).toBe('lookup: nothing');
  });
});

describe('addresses no stranger may name', () => {
  test.each([
    ['private.example', /=> 550 5\.4\.4 /],
    ['ten.private.example', /=> 550 5\.4\.4 /],
    ['bare.private.example', /=> 550 5\.4\.4 /],
    ['mapped.private.example', /=> 550 5\.4\.4 /],
    ['[127.0.0.1]', /=> 550 5\.4\.4 /],
    ['[10.1.2.3]', /=> 550 5\.4\.4 /],
    ['[IPv6:::1]', /=> 550 5\.4\.4 /],
    ['[IPv6:::ffff:127.0.0.1]', /=> 550 5\.4\.4 /],
    ['[0x7f.1]', /=> 550 5\.1\.2 /],
  ])('%s', async (domain, expected) => {
    const trap = await startPeerAt('127.0.0.1', 25, [{}]);
    onTestFinished(() => trap.stop());
    expect(await sendTo(domain, wayOut({ addressFamily: 'Any' }))).toMatch(expected);
    expect(trap.conversations).toHaveLength(0);
  });

  test.each(['mixed.private.example', 'twofold.private.example'])('%s: only its public one is used', async (domain) => {
    const peer = await exchanger(ONE);
    expect(await sendTo(domain)).toBe(TAKEN);
    expect(peer.conversations).toHaveLength(1);
  });

  test('our own listener is a loop', async () => {
    const own = await exchanger(TWO);
    expect(await sendTo('own.example', wayOut({}, { ownAddresses: [TWO] }))).toMatch(/=> 554 5\.4\.6 /);
    expect(own.conversations).toHaveLength(0);
  });

  test('an address we send from is a loop', async () => {
    const nextHops = wayOut({ egressCIDRs: ['198.51.100.128/25'] });
    expect(await sendTo('egress.own.example', nextHops)).toMatch(/=> 554 5\.4\.6 /);
  });
});

describe('addresses', () => {
  test('literals are connected to', async () => {
    const four = await exchanger(ONE);
    const six = await exchanger(SIX);
    const nextHops = wayOut({ addressFamily: 'Any' });
    expect(await sendTo(`[${ONE}]`, nextHops)).toBe(TAKEN);
    expect(await sendTo(`[IPv6:${SIX}]`, nextHops)).toBe(TAKEN);
    expect([four.conversations.length, six.conversations.length]).toEqual([1, 1]);
  });

  test('IPv6 is not used where the fleet says IPv4: temporary', async () => {
    await exchanger(SIX);
    expect(await sendTo('six.example', wayOut({ addressFamily: 'IPv4' }))).toMatch(/^lookup: nothing => 451 4\.4\.4 /);
  });

  test('IPv6 is used alone, and after an IPv4 address that does not answer', async () => {
    const six = await exchanger(SIX);
    const nextHops = wayOut({ addressFamily: 'Any' });
    expect(await sendTo('six.example', nextHops)).toBe(TAKEN);
    expect(await sendTo('both.six.example', nextHops)).toBe(TAKEN);
    expect(six.conversations).toHaveLength(2);
  });
});

describe('a next hop that refuses our IPv6 address gets the mail over IPv4, before anybody hears of it', () => {
  test.each([
    ['at MAIL', { MAIL: ['250 2.1.0 ok', '550 5.7.25 no reverse DNS'] }],
    ['at RCPT', { RCPT: ['250 2.1.5 ok', '450 4.7.25 no reverse DNS'] }],
    ['at RCPT, as Exchange Online says it', { RCPT: ['250 2.1.5 ok', '550 5.2.1 banned'] }],
    ['after the dot', { content: [TAKEN, '550 5.7.26 unauthenticated over IPv6'] }],
  ] satisfies [string, Script][])('%s', async (_name, script) => {
    const six = await exchanger(SIX, script);
    const nextHops = wayOut({ addressFamily: 'Any' });
    // Its IPv4 address does not answer yet.
    expect(await sendTo('both.six.example', nextHops)).toBe(TAKEN);
    const four = await exchanger(NOBODY);
    expect(await sendTo('both.six.example', nextHops)).toBe(TAKEN);
    expect(four.conversations.flatMap(({ contents }) => contents)).toHaveLength(1);
    expect(await sendTo('both.six.example', nextHops)).toBe(TAKEN);
    expect(six.conversations).toHaveLength(1);
  });

  test('and its own words are heard where it has no IPv4 address', async () => {
    await exchanger(SIX, { MAIL: '550 5.7.25 no reverse DNS' });
    expect(await sendTo('six.example', wayOut({ addressFamily: 'Any' }))).toMatch(/^mail: 550 5\.7\.25 /);
  });

  test('and what speaks of the recipient is no reason', async () => {
    const six = await exchanger(SIX, { RCPT: '550 5.1.1 unknown' });
    expect(await sendTo('six.example', wayOut({ addressFamily: 'Any' }))).toMatch(/^rcpt: 550 5\.1\.1 /);
    expect(six.conversations).toHaveLength(1);
  });
});

test('Exchange Online is asked for 200 recipients a transaction, not one more', async () => {
  const peer = await exchanger(ONE);
  const target = { kind: 'MX', domain: 'customer.example' } as const;
  const claim = wayOut().claim({ target, reversePath: 'a@shared.example', parameters: {} });
  const answers: string[] = [];
  for (let count = 1; count <= 201; count += 1) answers.push(told(await claim.recipient(`u${count}@customer.example`)));
  expect(new Set(answers.slice(0, 200))).toEqual(new Set(['250 2.1.5 ok']));
  expect(answers[200]).toMatch(/^rcpt: nothing => 452 4\.5\.3 /);
  expect(told(await claim.deliver(message(), soon()))).toBe(TAKEN);
  expect(peer.conversations[0]?.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(200);
});

test('a domain’s connection is kept for its next message, and closed when none comes', async () => {
  const peer = await exchanger(ONE);
  const nextHops = wayOut({}, { durations: { idle: 200 } });
  expect([await sendTo('world.example', nextHops), await sendTo('world.example', nextHops)]).toEqual([TAKEN, TAKEN]);
  expect(peer.conversations).toHaveLength(1);
  expect(nextHops.connections()).toContainEqual({ name: 'MX', open: 1, idle: 1, waiting: 0 });
  await peer.until(() => peer.conversations[0]?.closed === true);
  expect(nextHops.connections()).toContainEqual({ name: 'MX', open: 0, idle: 0, waiting: 0 });
});

test('Postfix at the MX has the message', async () => {
  const postfix = await startPostfix({ address: ONE, port: 25, mailboxes: ['user@world.example'] });
  onTestFinished(() => postfix.stop());
  expect(await sendTo('world.example')).toMatch(/^250 2\.0\.0 /);
  await postfix.waitForMail('user@world.example');
});
