import { describe, expect, test } from 'vitest';
import { CLOSE, type Script, SILENCE } from './scripted-peer.ts';
import { claimOf, message, peer, sendingTo, sendOne, soon, told } from './sending.ts';

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
    expect(told(await claim.deliver(message(), performance.now()))).toBe('data: nothing');
    await to.until(() => to.conversations[0]?.commands.at(-1) === 'RSET');
    expect(to.conversations.flatMap((conversation) => conversation.contents)).toEqual([]);
  });

  test('a deadline that comes while the next hop thinks about DATA sends no dot', async () => {
    const to = await peer({ DATA: SILENCE });
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    expect(await claim.deliver(message(), soon(50))).toMatchObject({ ok: false, refusal: { reply: undefined } });
    expect(to.conversations.flatMap((conversation) => conversation.contents)).toEqual([]);
  });

  test('a next hop that stops reading holds the file back, and is given up', async () => {
    const to = await peer({ stalls: true, EHLO: '250 peer.example' });
    const claim = claimOf(sendingTo(to, { block: 1_000 }));
    await claim.recipient('a@t.example');
    const piece = Buffer.alloc(65_536, 'x');
    const most = 4_000;
    let read = 0;
    async function* chunks() {
      for (; read < most; read += 1) yield piece;
    }
    const content = message('', { size: most * piece.length });
    const body = { ...content.body, memory: undefined, chunks };
    expect(told(await claim.deliver({ ...content, body }, soon()))).toBe('content: nothing');
    // 250 MB were there to be read; what the kernel takes for a connection is a few.
    expect(read).toBeLessThan(most / 4);
  });

  test('a deadline that comes while a file is being sent sends no dot', async () => {
    const to = await peer({});
    const claim = claimOf(sendingTo(to));
    await claim.recipient('a@t.example');
    const content = message('', { pieces: ['one\r\n'], size: 5 });
    async function* chunks() {
      for (;;) {
        yield Buffer.from('one\r\n');
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const result = await claim.deliver({ ...content, body: { ...content.body, chunks } }, soon(500));
    expect(told(result)).toBe('content: nothing');
    await to.until(() => to.conversations[0]?.closed === true);
    expect(to.conversations[0]?.contents).toEqual([]);
  });

  test.each<[string, Script, string]>([
    ['MAIL', { MAIL: SILENCE, RCPT: SILENCE }, 'mail: nothing'],
    ['DATA', { DATA: SILENCE }, 'data: nothing'],
    ['RCPT', { RCPT: SILENCE }, 'rcpt: nothing'],
  ])('silence at %s is waited for no longer than the time for it', async (_stage, script, expected) => {
    const to = await peer(script);
    expect(await sendOne(sendingTo(to, { data: 1_000, command: 1_000 }))).toBe(expected);
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
