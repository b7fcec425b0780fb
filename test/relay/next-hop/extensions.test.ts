import { describe, expect, test } from 'vitest';
import { type ContentOptions, claimOf, message, peer, sendingTo, soon, told } from './sending.ts';
import type { MailParameters } from '../../../relay/core/envelope.ts';

const NOTHING = '250 peer.example';
const PIPELINING = '250-peer.example\r\n250 PIPELINING';
const WITH_8BIT = '250-peer.example\r\n250-PIPELINING\r\n250 8BITMIME';
const WITH_UTF8 = '250-peer.example\r\n250-8BITMIME\r\n250 SMTPUTF8';

interface Case {
  readonly offers: string;
  readonly parameters?: MailParameters;
  readonly to?: string;
  readonly content?: ContentOptions;
  readonly body?: string;
  /** What the client would hear, at RCPT or after its dot. */
  readonly told: string;
  /** The last MAIL that was said. */
  readonly mail?: string;
}

const DOMAIN_8BIT = { body8bit: true };

const CASES: readonly [string, Case][] = [
  [
    'BODY=8BITMIME is passed on where it is known',
    {
      offers: WITH_8BIT,
      parameters: { body: '8BITMIME' },
      told: '250 2.0.0 taken',
      mail: 'MAIL FROM:<a@b.example> BODY=8BITMIME',
    },
  ],
  [
    'and left out where it is not, when the message does not need it',
    { offers: NOTHING, parameters: { body: '8BITMIME' }, told: '250 2.0.0 taken', mail: 'MAIL FROM:<a@b.example>' },
  ],
  [
    'an 8-bit body goes nowhere without 8BITMIME',
    { offers: PIPELINING, parameters: { body: '8BITMIME' }, content: DOMAIN_8BIT, told: 'mail: nothing => 550 5.6.3' },
  ],
  [
    'an 8-bit body that nobody announced is announced before DATA',
    { offers: WITH_8BIT, content: DOMAIN_8BIT, told: '250 2.0.0 taken', mail: 'MAIL FROM:<a@b.example> BODY=8BITMIME' },
  ],
  [
    'SMTPUTF8 is passed on where it is known',
    {
      offers: WITH_UTF8,
      parameters: { smtputf8: true },
      told: '250 2.0.0 taken',
      mail: 'MAIL FROM:<a@b.example> SMTPUTF8',
    },
  ],
  [
    'and left out where it is not, when addresses and header are ASCII',
    { offers: WITH_8BIT, parameters: { smtputf8: true }, told: '250 2.0.0 taken', mail: 'MAIL FROM:<a@b.example>' },
  ],
  [
    'an address that is not ASCII is refused where SMTPUTF8 is not known',
    { offers: WITH_8BIT, parameters: { smtputf8: true }, to: 'jörg@t.example', told: 'mail: nothing => 550 5.6.7' },
  ],
  [
    'and goes as UTF-8 where it is',
    { offers: WITH_UTF8, parameters: { smtputf8: true }, to: 'jörg@t.example', told: '250 2.0.0 taken' },
  ],
  [
    'a header of RFC 6532 is refused where SMTPUTF8 is not known',
    {
      offers: WITH_8BIT,
      parameters: { smtputf8: true },
      content: { header8bit: true },
      told: 'mail: nothing => 550 5.6.7',
    },
  ],
  [
    'SIZE is passed on where it is known',
    {
      offers: '250-peer.example\r\n250 SIZE 1000',
      parameters: { size: 999 },
      told: '250 2.0.0 taken',
      mail: 'MAIL FROM:<a@b.example> SIZE=999',
    },
  ],
  [
    'a message announced as too large is refused before MAIL',
    { offers: '250-peer.example\r\n250 SIZE 1000', parameters: { size: 1001 }, told: 'mail: nothing => 552 5.3.4' },
  ],
  [
    'a message found too large is refused before DATA',
    { offers: '250-peer.example\r\n250 SIZE 1000', body: 'x'.repeat(1000), told: 'mail: nothing => 552 5.3.4' },
  ],
];

test.each(CASES)('%s', async (_name, { offers, parameters, to = 'john@t.example', content, body, mail, ...wanted }) => {
  const next = await peer({ EHLO: offers });
  const claim = claimOf(sendingTo(next), parameters ?? {});
  const asked = await claim.recipient(to);
  const result = asked.ok ? await claim.deliver(message(body, content), soon()) : asked;
  claim.release();
  expect(told(result)).toContain(wanted.told);
  const commands = next.conversations.flatMap((conversation) => conversation.commands);
  if (mail !== undefined) expect(commands.findLast((line) => line.startsWith('MAIL'))).toBe(mail);
  if (!result.ok) expect(commands).not.toContain('DATA');
});

test('addresses go out as UTF-8', async () => {
  const next = await peer({ EHLO: WITH_UTF8 });
  const claim = claimOf(sendingTo(next), { smtputf8: true });
  await claim.recipient('jörg@bücher.example');
  claim.release();
  const octets = next.conversations.flatMap((conversation) => conversation.commands);
  expect(octets.map((line) => Buffer.from(line, 'latin1').toString('utf8'))).toContain('RCPT TO:<jörg@bücher.example>');
});

describe('more recipients than the next hop takes', () => {
  test('are answered 452 before it is asked', async () => {
    const next = await peer({ EHLO: '250-peer.example\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=2' });
    const claim = claimOf(sendingTo(next));
    const answers: string[] = [];
    for (const name of ['a', 'b', 'c']) answers.push(told(await claim.recipient(`${name}@t.example`)));
    expect(answers).toEqual(['250 2.1.5 ok', '250 2.1.5 ok', expect.stringContaining('rcpt: nothing => 452 4.5.3')]);
    expect(told(await claim.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(next.conversations[0]?.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(2);
  });

  test('transactions on one connection end at its limit', async () => {
    const next = await peer({ EHLO: '250-peer.example\r\n250 LIMITS MAILMAX=1' });
    const nextHops = sendingTo(next);
    for (let count = 0; count < 2; count += 1) {
      const claim = claimOf(nextHops);
      await claim.recipient('a@t.example');
      await claim.deliver(message(), soon());
    }
    expect(next.conversations).toHaveLength(2);
  });
});

describe('a refusal of MAIL for its size', () => {
  test('is about the message, not about us', async () => {
    const next = await peer({ MAIL: '552 5.3.4 too big', RCPT: '503 no' });
    expect(told(await claimOf(sendingTo(next)).recipient('a@t.example'))).toMatch(/^mail: 552 5.3.4 .*=> 552 5.3.4/);
  });
});
