import { describe, expect, test } from 'vitest';
import { CLOSE, type Script, SILENCE } from './scripted-peer.ts';
import { claimOf, peer, sendingTo, told } from './sending.ts';

const PATIENT = { command: 1_000, greeting: 1_000 };

const CASES: readonly [string, Script, string, RegExp][] = [
  [
    'refuses with its greeting',
    { greeting: '554 5.7.1 go away' },
    'greeting: 554 5.7.1 go away',
    /refuses at greeting/,
  ],
  ['is closing', { greeting: `421 4.3.2 later${CLOSE}` }, 'greeting: 421 4.3.2 later', /greeting/],
  ['greets with something positive that is no greeting', { greeting: '250 hello' }, 'greeting: 250 hello', /greeting/],
  ['says nothing', { greeting: SILENCE }, 'greeting: nothing', /did not answer in time/],
  ['closes at once', { greeting: CLOSE }, 'greeting: nothing', /closed/],
  ['speaks HTTP', { greeting: 'HTTP/1.1 400 Bad Request' }, 'greeting: nothing', /no SMTP reply: "HTTP/],
  ['talks for ever', { greeting: `220-${'x'.repeat(70_000)}` }, 'greeting: nothing', /longer than 65536/],
  ['greets twice', { greeting: '220 a\r\n220 b' }, 'ehlo: nothing', /without being asked/],
  ['refuses EHLO for now', { EHLO: '421 4.3.2 no' }, 'ehlo: 421 4.3.2 no', /ehlo/],
  ['refuses EHLO and HELO', { EHLO: '550 no', HELO: '550 never' }, 'ehlo: 550 never', /ehlo/],
  ['mixes codes', { EHLO: '250-a\r\n550 b' }, 'ehlo: nothing', /different codes/],
  ['answers one command fewer than it was asked', { MAIL: SILENCE }, 'rcpt: nothing', /did not answer in time/],
  ['answers more than it was asked', { RCPT: '250 a\r\n250 b' }, 'data: nothing', /without being asked/],
  ['answers RCPT with 354', { RCPT: '354 go' }, 'rcpt: 354 go', /refuses the recipient/],
];

test.each(CASES)('a next hop that %s', async (_what, script, expected, cause) => {
  const to = await peer(script);
  const claim = claimOf(sendingTo(to, PATIENT));
  const result = await claim.recipient('john@tenant1.example');
  claim.release();
  expect(told(result)).toBe(expected);
  expect(result).toMatchObject({ ok: false, refusal: { cause: expect.stringMatching(cause) as string } });
});

describe('nobody there', () => {
  test('is a refusal that names host, address and port', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to);
    await to.stop();
    const result = await claimOf(nextHops).recipient('john@tenant1.example');
    expect(told(result)).toBe('connect: nothing');
    expect(result).toHaveProperty('refusal.cause', expect.stringContaining(`127.0.0.1 [127.0.0.1]:${to.port}: `));
  });

  test('a host without an address is a refusal at lookup that decides nothing', async () => {
    const hosts = [{ host: 'no-such-host.invalid', port: 25 }];
    const to = await peer({});
    const result = await claimOf(sendingTo(to, {}, { hosts })).recipient('john@tenant1.example');
    expect(told(result)).toBe('lookup: nothing');
  });

  test('a target the configuration does not have is answered 451', async () => {
    const to = await peer({});
    const target = { kind: 'TenantRoute', name: 'gone' } as const;
    const claim = sendingTo(to).claim({ target, reversePath: '', parameters: {} });
    expect(told(await claim.recipient('a@b.example'))).toMatch(/^lookup: nothing => 451 4.3.5/);
  });
});
