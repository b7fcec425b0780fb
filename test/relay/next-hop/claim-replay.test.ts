import { describe, expect, test } from 'vitest';
import { CLOSE, type Script } from './scripted-peer.ts';
import { claimOf, message, peer, sendingTo, sendOne, soon, told } from './sending.ts';

describe('a claim that was let go is played again in one write', () => {
  test('after its time', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to, { claim: 1 }));
    await claim.recipient('a@t.example');
    await to.until(() => to.conversations[0]?.commands.at(-1) === 'RSET');
    expect(told(await claim.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(to.conversations.at(-1)?.reads.slice(-2)).toEqual([
      'MAIL FROM:<a@b.example> SIZE=21\r\nRCPT TO:<a@t.example>\r\nDATA\r\n',
      'Subject: x\r\n\r\nHello\r\n.\r\n',
    ]);
  });

  test('with the next recipient, and the earlier ones before it', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to, { claim: 1 }));
    await claim.recipient('a@t.example');
    await to.until(() => to.conversations[0]?.commands.at(-1) === 'RSET');
    expect(told(await claim.recipient('b@t.example'))).toBe('250 2.1.5 ok');
    expect(to.conversations.flatMap((conversation) => conversation.reads)).toContain(
      'MAIL FROM:<a@b.example>\r\nRCPT TO:<a@t.example>\r\nRCPT TO:<b@t.example>\r\n',
    );
    claim.release();
  });

  test.each<[string, (conversation: { say(text: string): void; close(): void }) => void]>([
    ['when the next hop closes', (conversation) => conversation.close()],
    ['when the next hop says 421', (conversation) => conversation.say('421 4.4.2 idle too long\r\n')],
    ['when the next hop says anything unasked', (conversation) => conversation.say('250 2.0.0 taken\r\n')],
  ])('%s', async (_when, act) => {
    const to = await peer({});
    const nextHops = sendingTo(to);
    const claim = claimOf(nextHops);
    await claim.recipient('a@t.example');
    const [first] = to.conversations;
    if (first === undefined) throw new Error('no conversation');
    act(first);
    await to.until(() => first.closed);
    expect(told(await claim.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(first.contents).toEqual([]);
    expect(to.conversations[1]?.commands.slice(1)).toEqual([
      'MAIL FROM:<a@b.example> SIZE=21',
      'RCPT TO:<a@t.example>',
      'DATA',
    ]);
  });

  test.each<[string, Script]>([
    ['closes at DATA', { DATA: CLOSE }],
    ['says 421 at DATA', { DATA: `421 4.3.2 shutting down${CLOSE}` }],
  ])('when the next hop %s', async (_when, script) => {
    const to = await peer(script, {});
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    expect(told(await claim.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(2);
  });

  test('all recipients or none: one refused now ends the attempt, and a 354 nevertheless gets no dot', async () => {
    const to = await peer({ RCPT: ['250 a', '250 b'], DATA: CLOSE }, { RCPT: ['250 a', '550 5.1.1 b is gone'] });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    await claim.recipient('b@t.example');
    expect(told(await claim.deliver(message(), soon()))).toBe('rcpt: 550 5.1.1 b is gone');
    await to.until(() => to.conversations[1]?.closed === true);
    expect(to.conversations[1]?.commands.at(-1)).toBe('DATA');
    expect(to.conversations[1]?.contents).toEqual([]);
  });

  test('one refused now, DATA refused as well: the connection is reset and kept', async () => {
    const again: Script = { RCPT: ['550 5.1.1 gone', '250 ok'], DATA: ['503 5.5.1 no recipients', '354 go'] };
    const to = await peer({ DATA: CLOSE }, again);
    const nextHops = sendingTo(to, {}, { limits: { connections: 1 } });
    const claim = claimOf(nextHops);
    await claim.recipient('a@t.example');
    expect(told(await claim.deliver(message(), soon()))).toBe('rcpt: 550 5.1.1 gone');
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(to.conversations[1]?.commands).toContain('RSET');
    expect(to.conversations).toHaveLength(2);
  });

  test('MAIL refused now', async () => {
    const to = await peer({ DATA: CLOSE }, { MAIL: '451 4.3.0 later', RCPT: '503 no', DATA: '503 no' });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    expect(told(await claim.deliver(message(), soon()))).toBe('mail: 451 4.3.0 later');
  });

  test('an earlier recipient refused while a later one is asked for: the later one hears its own answer, the dot a no', async () => {
    const to = await peer({}, { RCPT: ['550 5.1.1 a is gone', '250 2.1.5 b', '550 5.1.1 a is gone', '250 2.1.5 b'] });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    to.conversations[0]?.close();
    await to.until(() => to.conversations[0]?.closed === true);
    expect(told(await claim.recipient('b@t.example'))).toBe('250 2.1.5 b');
    expect(told(await claim.deliver(message(), soon()))).toBe('rcpt: 550 5.1.1 a is gone');
    expect(to.conversations.flatMap((conversation) => conversation.contents)).toEqual([]);
  });
});

describe('a pooled connection that is dead', () => {
  test('at MAIL is replaced in silence', async () => {
    const to = await peer({ MAIL: ['250 ok', CLOSE] }, {});
    const nextHops = sendingTo(to);
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(2);
  });

  test('closed by the next hop meanwhile is not used', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to);
    await sendOne(nextHops);
    to.conversations[0]?.close();
    await to.until(() => to.conversations[0]?.closed === true);
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(2);
  });

  test('kept too long is closed with QUIT', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to, { idle: 1 });
    await sendOne(nextHops);
    await to.until(() => to.conversations[0]?.closed === true);
    expect(to.conversations[0]?.commands.at(-1)).toBe('QUIT');
  });

  test('a next hop that closes every new connection is given up after two', async () => {
    const to = await peer({ MAIL: CLOSE });
    expect(await sendOne(sendingTo(to))).toBe('mail: nothing');
    expect(to.conversations).toHaveLength(2);
  });

  test('a next hop that says 421 to everything is believed after two', async () => {
    const to = await peer({ MAIL: `421 4.3.2 closed for today${CLOSE}` });
    expect(await sendOne(sendingTo(to))).toBe('mail: 421 4.3.2 closed for today');
    expect(to.conversations).toHaveLength(2);
  });
});
