import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import DKIM from 'nodemailer/lib/dkim';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../demo/certificates.ts';
import { type MailSystem, startMailSystem } from '../../demo/mail-system.ts';
import { compose, headerField, headerFields, type Mail } from '../../demo/message.ts';
import { freePort } from '../../demo/ports.ts';
import { connect, send } from '../../demo/sending.ts';
import { ACTS } from '../../demo/story.ts';
import { formatAct, paintFor } from '../../demo/table.ts';
import { createVerifier } from '../../demo/verifier.ts';

const authority = makeAuthority();

const MAIL: Mail = {
  reversePath: 'anna@world.example',
  forwardPaths: ['john.smith@tenant1.example', 'nobody@tenant1.example'],
  from: 'Anna Berg <anna@world.example>',
  to: 'John Smith <john.smith@tenant1.example>',
  subject: 'Hello',
  text: 'Hello, John.\n.\nBye.',
};

describe('certificates made without openssl', () => {
  test('are issued by the authority, for the name and both ends of a connection', () => {
    const leaf = new X509Certificate(authority.issue('mail.tenant1.example').certificate);
    const root = new X509Certificate(authority.certificate);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkHost('mail.tenant1.example')).toBe('mail.tenant1.example');
    expect(leaf.checkHost('mail.tenant2.example')).toBeUndefined();
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });
});

test('a port that somebody listens on is left to them', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: busy } = server.address() as AddressInfo;
  const found = await freePort(busy);
  expect(found).not.toBe(busy);
  expect(found).toBeGreaterThan(1023);
  server.close();
  await once(server, 'close');
  expect(await freePort(busy)).toBe(busy);
});

describe('a mail system', () => {
  let system: MailSystem;
  beforeAll(async () => {
    const identity = authority.issue('mail.tenant1.example');
    const hasMailbox = (address: string) => address === 'john.smith@tenant1.example';
    system = await startMailSystem({ name: 'mail.tenant1.example', identity, hasMailbox });
  });
  afterAll(() => system.close());

  const sender = () => ({ name: 'mx.world.example', relayPort: system.port });

  test('takes mail over TLS for its mailboxes, and tells which recipients it refused', async () => {
    const message = await compose(MAIL);
    const answer = await send(sender(), MAIL, MAIL.forwardPaths, message);
    expect(answer.reply).toBe('250 2.0.0 Thank you');
    expect([...answer.refused]).toEqual([['nobody@tenant1.example', '550 5.1.1 No mailbox here by that name']]);
    expect(answer.tls).toBe('TLSv1.3');
    expect(system.arrivals.at(-1)).toMatchObject({
      reversePath: 'anna@world.example',
      forwardPaths: ['john.smith@tenant1.example'],
      tls: 'TLSv1.3',
    });
    expect(system.arrivals.at(-1)?.message.toString()).toBe(message.toString());
  });

  test('counts how often it was asked: connections, and transactions on connections that are kept', async () => {
    const mail = { ...MAIL, forwardPaths: ['john.smith@tenant1.example'] };
    const message = await compose(mail);
    const before = system.contacts;
    const conversation = await connect(sender());
    expect(system.contacts).toBe(before + 1);
    for (const contacts of [2, 3]) {
      expect((await conversation.send(mail, mail.forwardPaths, message)).reply).toBe('250 2.0.0 Thank you');
      expect(system.contacts).toBe(before + contacts);
    }
    conversation.quit();
  });

  test('takes nothing when every recipient is refused', async () => {
    const before = system.arrivals.length;
    const answer = await send(sender(), MAIL, ['nobody@tenant1.example'], await compose(MAIL));
    expect(answer.reply).toMatch(/^550 5\.1\.1 /);
    expect([...answer.refused.keys()]).toEqual(['nobody@tenant1.example']);
    expect(system.arrivals.length).toBe(before);
  });
});

describe('a conversation', () => {
  test.each([
    ['is closed', (socket: Socket) => socket.end(), /the connection was closed/],
    ['is reset', (socket: Socket) => socket.resetAndDestroy(), /ECONNRESET|the connection was closed/],
  ])('that %s by the other side breaks off, and says so', async (_how, end, reason) => {
    const server = createServer((socket) => {
      socket.write('220 mx.world.example\r\n');
      socket.once('data', () => end(socket));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(send({ name: 'a.example', relayPort: port }, MAIL, [], Buffer.from(''))).rejects.toThrow(reason);
    server.close();
    await once(server, 'close');
  });

  test('names the organization only where that is offered', async () => {
    const heard: string[] = [];
    const extensions = ['250-XOORG', '250-x.example'];
    const server = createServer((socket) => {
      socket.write('220 mx.world.example\r\n');
      createInterface(socket).on('line', (line) => {
        heard.push(line);
        socket.write(line.startsWith('EHLO') ? `250-x\r\n${extensions.pop()}\r\n250 SIZE\r\n` : '550 5.7.1 No\r\n');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const mail = { ...MAIL, organization: 'tenant1.example' };
    for (const _attempt of extensions.slice()) {
      const { reply } = await send({ name: 'a.example', relayPort: port }, mail, [], Buffer.from(''));
      expect(reply).toBe('550 5.7.1 No');
    }
    server.close();
    await once(server, 'close');
    expect(heard.filter((line) => line.startsWith('MAIL'))).toEqual([
      'MAIL FROM:<anna@world.example>',
      'MAIL FROM:<anna@world.example> XOORG=tenant1.example',
    ]);
  });
});

describe('the verifier', () => {
  test('knows a good signature, a changed message, a missing key and a message without any', async () => {
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const plain = await compose(MAIL);
    const signer = new DKIM({ domainName: 'world.example', keySelector: 'world', privateKey: pair.privateKey });
    const signed = Buffer.concat(await signer.sign(plain).toArray());
    const verify = createVerifier({ 'world._domainkey.world.example': pair.publicKey.toString('base64') });
    expect(await verify(signed)).toEqual([{ domain: 'world.example', result: 'pass' }]);
    const changed = Buffer.from(signed.toString().replace('Hello, John', 'Hello, Mary'));
    expect(await verify(changed)).toEqual([{ domain: 'world.example', result: 'neutral' }]);
    expect(await createVerifier({})(signed)).toEqual([{ domain: 'world.example', result: 'neutral' }]);
    expect(await verify(plain)).toEqual([]);
  });
});

test('a header field is unfolded, found without regard to case, and not found in the body', () => {
  const message = Buffer.from('TO: a@x.example,\r\n\tb@x.example\r\nSubject: x\r\n\r\nCc: c@x.example\r\n');
  expect(headerField(message, 'To')).toBe('a@x.example,\tb@x.example');
  expect(headerField(message, 'Cc')).toBeUndefined();
});

test('fields that a mail system adds stand in the header in their order, none lost', async () => {
  const fields = [
    ['X-MS-Exchange-CrossTenant-Id', 'a'],
    ['X-MS-Exchange-CrossTenant-Id', 'b'],
  ] as const;
  expect(headerFields(await compose({ ...MAIL, fields }), 'x-ms-exchange-crosstenant-id')).toEqual(['a', 'b']);
});

describe('the table', () => {
  const [act] = ACTS;
  if (act === undefined) throw new Error('the story is empty');
  const long = `250 2.0.0 ${'queued '.repeat(30)}${'x'.repeat(150)}`;
  const scene = async (failures: readonly string[]) => ({
    forwardPaths: act.mail.forwardPaths,
    sent: await compose(act.mail),
    sentSignatures: [],
    answer: { reply: long, refused: new Map<string, string>(), tls: 'TLSv1.3' },
    arrivals: [],
    failures,
  });
  const plain = paintFor({ isTTY: false }, {});

  test('is never wider than 100 columns', async () => {
    const text = formatAct(1, act, [await scene([])], plain);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(text).toContain('queued');
  });

  test('says in plain sentences what went otherwise', async () => {
    expect(formatAct(1, act, [await scene([])], plain)).toContain('✓ as it should be');
    const text = formatAct(1, act, [await scene(['Nothing arrived.'])], plain);
    expect(text).toContain('✗ Nothing arrived.');
    expect(text).not.toContain('✓');
  });

  test('says what happened before a message', async () => {
    expect(formatAct(1, act, [{ ...(await scene([])), note: 'A tenant joined.' }], plain)).toContain(
      'A tenant joined.',
    );
  });

  test.each([
    ['a terminal', { isTTY: true }, {}, true],
    ['a terminal with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['a terminal with an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, true],
    ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ['a file', {}, {}, false],
  ])('has colours for %s: %o %o', (_name, stream, environment, coloured) => {
    expect(paintFor(stream, environment).bold('x')).toBe(coloured ? '\u001b[1mx\u001b[22m' : 'x');
  });
});
