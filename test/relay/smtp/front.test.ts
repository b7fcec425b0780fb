import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startFront } from '../../../relay/smtp/front.ts';
import { makeSelfSigned } from '../../../relay/tls/self-signed.ts';
import { ServerContext } from '../../../relay/tls/server-context.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { beginContent, start } from './front-fixture.ts';
import { frontOptions } from './recording-sessions.ts';

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

  test('after its final dot: the session reads on to the end', async () => {
    const { sessions, greeted } = await start();
    const goOn = Promise.withResolvers<void>();
    const { read } = sessions;
    sessions.read = async (content) => {
      await goOn.promise;
      return read(content);
    };
    const client = await greeted();
    await beginContent(client);
    client.write('x: y\r\n.\r\n');
    client.destroy();
    await expect.poll(() => sessions.closed).toBe(1);
    goOn.resolve();
    await expect.poll(() => sessions.messages.map(({ content }) => content.toString())).toEqual(['x: y\r\n']);
    expect(sessions.failedUploads).toEqual([]);
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
  test.each(['open', 'wantsCertificate'] as const)('in %s ends the connection, not the process', async (broken) => {
    const failures: unknown[] = [];
    const tls = new ServerContext();
    tls.use(makeSelfSigned('relay.example', new Date()), 'TLSv1.2', new Date());
    const { sessions, open, front } = await start({}, { tls, events: { failed: (error) => failures.push(error) } });
    sessions[broken] = () => {
      throw new Error('the session broke');
    };
    const client = await open();
    if ((await client.read()).code === 220) {
      await client.command('EHLO client.example');
      client.write('STARTTLS\r\n');
    }
    await client.closed();
    await expect.poll(() => front.connections()).toBe(0);
    expect(failures).toHaveLength(1);
  });

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
