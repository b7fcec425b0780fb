import { describe, expect, test } from 'vitest';
import type { Script } from './scripted-peer.ts';
import { CLOSE } from './scripted-peer.ts';
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
      await expect(claim.recipient(path)).rejects.toThrow(/not a path|never empty/);
      if (path !== '') expect(() => claimOf(nextHops, {}, path)).toThrow(/not a path/);
      expect(to.conversations).toHaveLength(0);
    },
  );
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
