import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { LimitsConfig } from '../../../relay/core/config.ts';
import { reply } from '../../../relay/core/reply.ts';
import { ContentRefused } from '../../../relay/smtp/content-stream.ts';
import { type Front, type FrontOptions, startFront } from '../../../relay/smtp/front.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const fronts: Front[] = [];
afterEach(() => Promise.all(fronts.splice(0).map((front) => front.close())));

async function start(limits: Partial<LimitsConfig> = {}, more: Partial<FrontOptions> = {}) {
  const sessions = new RecordingSessions();
  const front = await startFront({ ...frontOptions(sessions, limits), ...more });
  fronts.push(front);
  const port = front.addresses[0]?.port ?? 0;
  return {
    sessions,
    front,
    port,
    open: (localAddress = '127.0.0.1') => RawSmtp.open('127.0.0.1', port, { localAddress }),
    greeted: (localAddress = '127.0.0.1') => RawSmtp.greeted('127.0.0.1', port, { localAddress }),
  };
}

/** Up to and with DATA's 354. */
async function beginContent(client: RawSmtp): Promise<void> {
  for (const line of ['MAIL FROM:<a@client.example>', 'RCPT TO:<b@relay.example>', 'DATA']) await client.command(line);
}

/** Until another client has been hung up on for its silence. */
async function silence(greeted: () => Promise<RawSmtp>): Promise<void> {
  await (await greeted()).closed();
}

describe('the session hears', () => {
  test('who the client is', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted('127.0.0.9');
    await client.send('a@client.example', ['b@relay.example'], 'x: y\r\n');
    expect(sessions.messages[0]?.connection).toMatchObject({
      id: expect.stringMatching(/^[0-9A-Z]{12,}$/),
      address: '127.0.0.9',
      localAddress: '127.0.0.1',
      heloName: 'client.example',
      extended: true,
      tls: undefined,
    });
  });

  test('paths as they were written beside what they mean, none merged', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted();
    const paths = ['B@XN--BCHER-KVA.example', 'b@xn--bcher-kva.EXAMPLE', '"b c"@relay.example', 'Postmaster'];
    await client.send('A.User@Client.example', paths, 'x: y\r\n');
    expect(sessions.messages[0]?.reversePath).toEqual({
      text: 'A.User@Client.example',
      mailbox: { localPart: 'A.User', domain: 'client.example' },
    });
    expect(sessions.messages[0]?.recipients).toEqual([
      { text: paths[0], mailbox: { localPart: 'B', domain: 'xn--bcher-kva.example' } },
      { text: paths[1], mailbox: { localPart: 'b', domain: 'xn--bcher-kva.example' } },
      { text: paths[2], mailbox: { localPart: 'b c', domain: 'relay.example' } },
      { text: paths[3], mailbox: undefined },
    ]);
  });

  test('the parameters of MAIL', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted();
    await client.command('MAIL FROM:<> BODY=8BITMIME SIZE=100 SMTPUTF8');
    await client.command('RCPT TO:<b@relay.example>');
    await client.data('x: y\r\n');
    expect(sessions.messages[0]).toMatchObject({
      reversePath: { text: '', mailbox: undefined },
      parameters: { body: '8BITMIME', size: 100, smtputf8: true },
    });
  });

  test('content octet by octet as it was sent', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted();
    const content = 'x: y\r\n\r\n.dot\r\n..\r\n\n.\nbare\r.\r\0\xff\r\n';
    await beginContent(client);
    client.write(`${content.replaceAll('\r\n.', '\r\n..')}.\r\n`);
    await client.read();
    expect(sessions.messages[0]?.content.toString('latin1')).toBe(content);
  });

  test('when the client has gone', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted();
    client.destroy();
    await expect.poll(() => sessions.closed).toBe(1);
  });
});

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

  test('messages of one client in a minute, over all its connections', async () => {
    const { greeted } = await start({ messagesPerMinutePerClient: 1 });
    const [first, second, other] = await Promise.all([greeted(), greeted(), greeted('127.0.0.2')]);
    const send = (client: RawSmtp) => client.send('a@client.example', ['b@relay.example'], 'x: y\r\n');
    expect((await send(first)).code).toBe(250);
    expect((await send(second)).text).toBe('451 4.7.1 Too many messages, try again in a minute');
    expect((await send(other)).code).toBe(250);
  });

  test('messages are counted under the name the session gives, or not at all', async () => {
    const { sessions, greeted } = await start({ messagesPerMinutePerClient: 1 });
    let key: string | undefined = 'tenant-1';
    sessions.limitKey = () => key;
    const client = await greeted();
    const send = () => client.send('a@client.example', ['b@relay.example'], 'x: y\r\n');
    expect((await send()).code).toBe(250);
    expect((await send()).code).toBe(451);
    key = 'tenant-2';
    expect((await send()).code).toBe(250);
    key = undefined;
    expect((await send()).code).toBe(250);
    expect((await send()).code).toBe(250);
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

describe('a client that leaves', () => {
  test('before its final dot: the content fails and never ends', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted();
    await beginContent(client);
    client.write('x: y\r\n\r\nhalf');
    client.destroy();
    await expect.poll(() => sessions.failedUploads).toEqual([expect.any(Error)]);
    await expect.poll(() => sessions.closed).toBe(1);
    expect(sessions.messages).toEqual([]);
  });

  test('after its final dot: the delivery goes on', async () => {
    const { sessions, greeted, front } = await start();
    const answer = Promise.withResolvers<void>();
    sessions.beforeAnswer = () => answer.promise;
    const client = await greeted();
    await beginContent(client);
    client.write('x: y\r\n.\r\n');
    client.destroy();
    await expect.poll(() => sessions.closed).toBe(1);
    expect(front.connections()).toBe(0);
    answer.resolve();
    await expect.poll(() => sessions.messages.length).toBe(1);
  });
});

describe('a session that breaks its promise', () => {
  test('is answered 451 and told to whoever listens', async () => {
    const failures: unknown[] = [];
    const { sessions, greeted } = await start({}, { events: { failed: (error) => failures.push(error) } });
    sessions.read = () => Promise.reject(new Error('read broke'));
    const client = await greeted();
    expect((await client.command('MAIL FROM:<boom@client.example>')).code).toBe(451);
    await beginContent(client);
    client.write(`${'x'.repeat(998)}\r\n`.repeat(900));
    client.write('.\r\n');
    expect((await client.read()).code).toBe(451);
    expect((await client.command('NOOP')).code).toBe(250);
    expect(failures).toHaveLength(1);
  });
});

describe('listening', () => {
  test('on several addresses, IPv6 among them', async () => {
    const { front } = await start(
      {},
      {
        listen: [
          { host: '127.0.0.1', port: 0 },
          { host: '::1', port: 0 },
        ],
      },
    );
    const client = await RawSmtp.open('::1', front.addresses[1]?.port ?? 0);
    expect((await client.read()).text).toBe('220 relay.example ESMTP');
  });

  test('on an address that is taken fails, and nothing is left listening', async () => {
    const { port, sessions } = await start();
    const listen = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port },
    ];
    await expect(startFront({ ...frontOptions(sessions), listen })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a client that resets at once does no harm', async () => {
    const { port, greeted } = await start();
    for (let count = 0; count < 20; count++) {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.resetAndDestroy();
    }
    expect((await (await greeted()).quit()).code).toBe(221);
  });
});
