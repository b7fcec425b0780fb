import type { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { reply } from '../../../relay/core/reply.ts';
import { ContentRefused } from '../../../relay/smtp/content-stream.ts';
import { clientKey } from '../../../relay/core/network.ts';
import type { RawSmtp } from '../../support/raw-smtp.ts';
import { beginContent, start } from './front-fixture.ts';

/** Until another client has been hung up on for its silence. */
async function silence(greeted: () => Promise<RawSmtp>): Promise<void> {
  await (await greeted()).closed();
}

describe('limits', () => {
  test('a session may refuse the connection', async () => {
    const { sessions, open } = await start();
    sessions.refusal = reply(554, '5.7.1', 'Not from there');
    const client = await open();
    expect((await client.read()).text).toBe('554 5.7.1 Not from there');
    await client.closed();
  });

  test('all connections together', async () => {
    const { greeted, open } = await start({ connections: 2 });
    const first = await greeted('127.0.0.2');
    await greeted('127.0.0.3');
    const third = await open('127.0.0.4');
    expect((await third.read()).text).toBe('421 4.3.2 Too many connections, try again later');
    await third.closed();
    await first.quit();
    await expect.poll(async () => (await (await open('127.0.0.4')).read()).code).toBe(220);
  });

  test('connections of one client', async () => {
    const { greeted, open } = await start({ connectionsPerClient: 1 });
    await greeted('127.0.0.2');
    const second = await open('127.0.0.2');
    expect((await second.read()).text).toBe('421 4.7.0 Too many connections from your address, try again later');
    await greeted('127.0.0.3');
  });

  test('the size of a message, while it comes in, and the next one is taken', async () => {
    const { sessions, greeted } = await start({ messageBytes: 100_000 });
    const client = await greeted();
    const exact = `${'x'.repeat(98)}\r\n`.repeat(1000);
    const send = (content: string) => client.send('a@client.example', ['b@relay.example'], content);
    expect((await send(`x${exact}`)).text).toBe('552 5.3.4 Message too big');
    expect(sessions.failedUploads).toEqual([expect.any(ContentRefused)]);
    expect((await send(exact)).text).toBe('250 2.0.0 Took 100000 octets');
  });

  test('commands that do nothing, until a message comes', async () => {
    const { greeted } = await start();
    const client = await greeted();
    for (let count = 0; count < 98; count++) expect((await client.command('NOOP')).code).toBe(250);
    expect((await client.send('a@client.example', ['b@relay.example'], 'x: y\r\n')).code).toBe(250);
    for (let count = 0; count < 98; count++) await client.command('NOOP');
    expect((await client.command('MAIL FROM:<550-5.7.1@client.example>')).code).toBe(550);
    expect((await client.command('NOOP')).text).toBe('421 4.7.0 Too many errors or idle commands');
    await client.closed();
  });

  test('mistakes, but not DATA that was pipelined behind refused recipients', async () => {
    const { greeted } = await start();
    const client = await greeted();
    for (let count = 0; count < 20; count++) {
      expect((await client.command('MAIL FROM:<a@client.example>')).code).toBe(250);
      expect((await client.command('RCPT TO:<451-4.3.2@relay.example>')).code).toBe(451);
      expect((await client.command('DATA')).text).toBe('503 5.5.1 No valid recipients');
      expect((await client.command('RSET')).code).toBe(250);
    }
    for (let count = 0; count < 9; count++) expect((await client.command('DATA')).code).toBe(503);
    expect((await client.command('DATA')).text).toBe('421 4.7.0 Too many errors or idle commands');
    await client.closed();
  });

  test('a client that stays silent', async () => {
    const { greeted } = await start({ commandTimeoutSeconds: 0.2 });
    const client = await greeted();
    expect((await client.read()).text).toBe('421 4.4.2 Timeout, closing connection');
    await client.closed();
  });

  test('a client that waits for us is not silent', async () => {
    const { sessions, greeted } = await start({ commandTimeoutSeconds: 0.2 });
    const answer = Promise.withResolvers<void>();
    sessions.beforeAnswer = () => answer.promise;
    const client = await greeted();
    const sent = client.send('a@client.example', ['b@relay.example'], 'x: y\r\n');
    await silence(greeted);
    await silence(greeted);
    answer.resolve();
    expect((await sent).code).toBe(250);
  });

  test('content that comes too slowly', async () => {
    const { sessions, greeted } = await start({ commandTimeoutSeconds: 0.5, minimumBytesPerSecond: 1000 });
    const client = await greeted();
    await beginContent(client);
    const drip = setInterval(() => client.write('x\r\n'), 100);
    expect((await client.read()).text).toBe('421 4.4.2 Content comes too slowly, closing connection');
    clearInterval(drip);
    await client.closed();
    await expect.poll(() => sessions.failedUploads.length).toBe(1);
  });

  test('a session that stops reading stops the client, not the clock', async () => {
    const { sessions, greeted } = await start({ commandTimeoutSeconds: 0.3, messageBytes: 1e9 });
    const seen = Promise.withResolvers<Readable>();
    const goOn = Promise.withResolvers<void>();
    sessions.read = async (content) => {
      seen.resolve(content);
      await goOn.promise;
      let octets = 0;
      for await (const part of content) octets += (part as Buffer).length;
      return Buffer.from(String(octets));
    };
    const client = await greeted();
    await beginContent(client);
    const line = `${'x'.repeat(998)}\r\n`;
    client.write(line.repeat(20_000));
    client.write('.\r\n');
    const content = await seen.promise;
    await expect.poll(() => content.readableLength, { timeout: 5000 }).toBeGreaterThan(60_000);
    await silence(greeted);
    await silence(greeted);
    expect(content.readableLength).toBeLessThan(300_000);
    goOn.resolve();
    expect((await client.read()).code).toBe(250);
    expect(sessions.messages[0]?.content.toString()).toBe('20000000');
  });
});

describe('one client', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1::2', '2001:db8:0:1::/64'],
    ['2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1::/64'],
    ['2001:db8:0:2::2', '2001:db8:0:2::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('is %s counted as %s', (address, key) => {
    expect(clientKey(address)).toBe(key);
  });
});
