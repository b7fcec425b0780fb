import { describe, expect, test } from 'vitest';
import { CLOSE, SILENCE, type Script } from './scripted-peer.ts';
import { claimOf, message, peer, sendingTo, sendOne, soon, told } from './sending.ts';

const NO_PIPELINING: Script = { EHLO: '250-peer.example\r\n250 8BITMIME' };

describe('a claim', () => {
  test('asks with MAIL and RCPT in one write, and sends the whole of a small message in one', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to), { size: 100 });
    expect(told(await claim.recipient('john@tenant1.example'))).toBe('250 2.1.5 ok');
    expect(told(await claim.deliver(message('.dot\r\nline'), soon()))).toBe('250 2.0.0 taken');
    expect(to.conversations[0]?.reads).toEqual([
      'EHLO relay.shared.example\r\n',
      'MAIL FROM:<a@b.example> SIZE=100\r\nRCPT TO:<john@tenant1.example>\r\n',
      'DATA\r\n',
      'Subject: x\r\n\r\n..dot\r\nline\r\n.\r\n',
    ]);
    expect(claim.connection).toEqual({ host: '127.0.0.1', address: '127.0.0.1', port: to.port, tls: undefined });
  });

  test('asks for later recipients alone and delivers to those that were taken', async () => {
    const to = await peer({ RCPT: ['250 2.1.5 one', '550 5.1.1 nobody', '450 4.2.1 full', '250 2.1.5 two'] });
    const claim = claimOf(sendingTo(to));
    const answers: string[] = [];
    for (const name of ['one', 'none', 'full', 'two']) answers.push(told(await claim.recipient(`${name}@t.example`)));
    expect(answers).toEqual(['250 2.1.5 one', 'rcpt: 550 5.1.1 nobody', 'rcpt: 450 4.2.1 full', '250 2.1.5 two']);
    expect(told(await claim.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(1);
  });

  test('answers recipients that are asked for at once in their order', async () => {
    const to = await peer({ RCPT: ['250 2.1.5 one', '550 5.1.1 two', '250 2.1.5 three'] });
    const claim = claimOf(sendingTo(to));
    const answers = await Promise.all(['a', 'b', 'c'].map((name) => claim.recipient(`${name}@t.example`)));
    expect(answers.map(told)).toEqual(['250 2.1.5 one', 'rcpt: 550 5.1.1 two', '250 2.1.5 three']);
    claim.release();
  });

  test('keeps the connection for the next message', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to);
    for (let count = 0; count < 3; count += 1) expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(to.conversations).toHaveLength(1);
    expect(to.conversations[0]?.commands.filter((line) => !/^(MAIL|RCPT|DATA)/.test(line))).toHaveLength(1);
    expect(nextHops.connections()).toContainEqual({ name: 'tenant1', open: 1, idle: 1, waiting: 0 });
  });

  test('released without delivery, is reset, and its connection is used again', async () => {
    const to = await peer({});
    const nextHops = sendingTo(to);
    const claim = claimOf(nextHops);
    await claim.recipient('john@tenant1.example');
    claim.release();
    claim.release();
    await to.until(() => to.conversations[0]?.commands.at(-1) === 'RSET');
    expect(await sendOne(nextHops)).toBe('250 2.0.0 taken');
    expect(to.conversations[0]?.commands.filter((line) => line === 'RSET')).toHaveLength(1);
    await expect(claim.recipient('x@y.example')).rejects.toThrow(/has ended/);
    await expect(claim.deliver(message(), soon())).rejects.toThrow(/has ended/);
  });

  test('refused at MAIL, stays refused without asking again', async () => {
    const to = await peer({ MAIL: '550 5.7.1 not you', RCPT: '503 5.5.1 no MAIL' });
    const claim = claimOf(sendingTo(to));
    expect(told(await claim.recipient('a@t.example'))).toBe('mail: 550 5.7.1 not you');
    expect(told(await claim.recipient('b@t.example'))).toBe('mail: 550 5.7.1 not you');
    expect(to.conversations[0]?.commands.filter((line) => line.startsWith('MAIL'))).toHaveLength(1);
  });

  test('cannot deliver to nobody', async () => {
    const to = await peer({ RCPT: '550 5.1.1 nobody' });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    await expect(claim.deliver(message(), soon())).rejects.toThrow(/without an accepted recipient/);
    claim.release();
  });

  test.each([['a@b.example>\r\nRCPT TO:<x@y.example'], ['a b@c.example'], ['']])(
    'never writes %j into a command',
    async (path) => {
      const to = await peer({});
      const nextHops = sendingTo(to);
      const claim = claimOf(nextHops);
      await expect(claim.recipient(path)).rejects.toThrow();
      if (path !== '') expect(() => claimOf(nextHops, {}, path)).toThrow();
      expect(to.conversations).toHaveLength(0);
    },
  );
});

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

  test('an earlier recipient refused while a later one is asked for: the later one is answered, deliver() refuses', async () => {
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

describe('after the first octet of content nothing is played again', () => {
  test.each<[string, Script, string]>([
    ['the connection is lost behind our dot', { content: CLOSE }, 'content: nothing'],
    ['it says 421 behind our dot', { content: `421 4.3.2 bye${CLOSE}` }, 'content: 421 4.3.2 bye'],
    ['it refuses for now', { content: '452 4.2.2 full' }, 'content: 452 4.2.2 full'],
    ['it refuses for good', { content: '554 5.7.1 spam' }, 'content: 554 5.7.1 spam'],
    ['it says what is no reply', { content: 'taken, thanks' }, 'content: nothing'],
    ['it goes on asking', { content: '354 more' }, 'content: 354 more'],
  ])('%s', async (_when, script, expected) => {
    const to = await peer(script);
    expect(await sendOne(sendingTo(to))).toBe(expected);
    expect(to.conversations.flatMap((conversation) => conversation.contents)).toHaveLength(1);
  });

  test('the answer to our dot is awaited past the deadline', async () => {
    const to = await peer({ content: SILENCE });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    const deadline = soon(150);
    const delivery = claim.deliver(message(), deadline);
    await to.until(() => to.conversations[0]?.contents.length === 1);
    await new Promise((resolve) => setTimeout(resolve, deadline - performance.now() + 20));
    to.conversations[0]?.say('250 2.0.0 late\r\n');
    expect(told(await delivery)).toBe('250 2.0.0 late');
  });

  test('but not for ever', async () => {
    const to = await peer({ content: SILENCE });
    expect(await sendOne(sendingTo(to, { finalDot: 100 }))).toBe('content: nothing');
  });
});

describe('before our dot', () => {
  test('a deadline that is over sends no dot', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    const result = await claim.deliver(message(), performance.now());
    expect(told(result)).toMatch(/^(data|content|mail|connect): nothing/);
    await to.until(() => to.conversations.every((conversation) => conversation.closed));
    expect(to.conversations.flatMap((conversation) => conversation.contents)).toEqual([]);
  });

  test.each<[string, Script, string]>([
    ['MAIL', { MAIL: SILENCE, RCPT: SILENCE }, 'mail: nothing'],
    ['DATA', { DATA: SILENCE }, 'data: nothing'],
    ['RCPT', { RCPT: SILENCE }, 'rcpt: nothing'],
  ])('silence at %s is waited for no longer than the time for it', async (_stage, script, expected) => {
    const to = await peer(script);
    expect(await sendOne(sendingTo(to, { data: 300, command: 300 }))).toBe(expected);
    expect(to.conversations.flatMap((conversation) => conversation.contents)).toEqual([]);
  });

  test('a message that cannot be read is not ended', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    const broken = message('', { pieces: ['one\r\n'], size: 5 });
    const content = {
      ...broken,
      body: {
        ...broken.body,
        async *chunks() {
          yield Buffer.from('one\r\n');
          throw new Error('the disk is gone');
        },
      },
    };
    const result = await claim.deliver(content, soon());
    expect(result).toMatchObject({ ok: false, refusal: { stage: 'content', reply: undefined } });
    expect(result).toHaveProperty('refusal.cause', 'the message could not be read: the disk is gone');
    await to.until(() => to.conversations[0]?.closed === true);
    expect(to.conversations[0]?.contents).toEqual([]);
  });

  test('a message shorter than it said is not ended', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    const result = await claim.deliver(message('', { pieces: ['one\r\n'], size: 10 }), soon());
    expect(told(result)).toBe('content: nothing');
    await to.until(() => to.conversations[0]?.closed === true);
    expect(to.conversations[0]?.contents).toEqual([]);
  });

  test.each([
    ['552 5.3.4 too big', 'content: 552 5.3.4 too big'],
    ['421 4.3.2 bye', 'content: 421 4.3.2 bye'],
    // Half a message cannot have been taken.
    ['250 2.0.0 taken', 'content: nothing'],
  ])('%s while the content is on its way ends it without a dot', async (early, expected) => {
    const to = await peer({ early });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    const content = message('', { pieces: ['one\r\n'], size: 5 });
    // A file that never ends: the delivery does, as soon as the peer's word has arrived.
    async function* chunks() {
      for (;;) {
        yield Buffer.from('one\r\n');
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    expect(told(await claim.deliver({ ...content, body: { ...content.body, chunks } }, soon()))).toBe(expected);
    await to.until(() => to.conversations[0]?.closed === true);
    expect(to.conversations[0]?.contents).toEqual([]);
  });
});

describe('a next hop without PIPELINING', () => {
  test('hears one command at a time', async () => {
    const to = await peer({ ...NO_PIPELINING, RCPT: ['250 a', '550 5.1.1 b'] });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    expect(told(await claim.recipient('b@t.example'))).toBe('rcpt: 550 5.1.1 b');
    expect(told(await claim.deliver(message(), soon()))).toBe('250 2.0.0 taken');
    expect(to.conversations[0]?.reads.slice(1, 5)).toEqual([
      'MAIL FROM:<a@b.example>\r\n',
      'RCPT TO:<a@t.example>\r\n',
      'RCPT TO:<b@t.example>\r\n',
      'DATA\r\n',
    ]);
  });

  test('is never asked for DATA when a recipient is refused on the second play', async () => {
    const to = await peer({ ...NO_PIPELINING, DATA: CLOSE }, { ...NO_PIPELINING, RCPT: ['250 a', '450 4.2.1 b'] });
    const nextHops = sendingTo(to);
    const claim = claimOf(nextHops);
    await claim.recipient('a@t.example');
    await claim.recipient('b@t.example');
    expect(told(await claim.deliver(message(), soon()))).toBe('rcpt: 450 4.2.1 b');
    await to.until(() => to.conversations[1]?.commands.at(-1) === 'RSET');
    expect(to.conversations[1]?.commands).not.toContain('DATA');
  });

  test('that knows HELO only is greeted with it', async () => {
    const to = await peer({ EHLO: '502 5.5.1 unknown' });
    expect(await sendOne(sendingTo(to))).toBe('250 2.0.0 taken');
    expect(to.conversations[0]?.commands.slice(0, 3)).toEqual([
      'EHLO relay.shared.example',
      'HELO relay.shared.example',
      'MAIL FROM:<a@b.example>',
    ]);
  });
});
