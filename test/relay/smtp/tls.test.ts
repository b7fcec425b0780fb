import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Front, startFront } from '../../../relay/smtp/front.ts';
import { verifyClientCertificate } from '../../../relay/tls/client-certificate.ts';
import { makeSelfSigned } from '../../../relay/tls/self-signed.ts';
import { ServerContext } from '../../../relay/tls/server-context.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { AUTHORITY, type Made, Pki } from '../tls/pki.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const NAME = 'mail.protection.outlook.com';
const UNVERIFIED = { rejectUnauthorized: false } as const;
const fronts: Front[] = [];
let pki: Pki;

beforeAll(() => {
  pki = new Pki();
});
afterAll(() => pki.remove());
afterEach(() => Promise.all(fronts.splice(0).map((front) => front.close())));

async function start(minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2') {
  const sessions = new RecordingSessions();
  const tls = new ServerContext();
  const failures: Error[] = [];
  tls.use(makeSelfSigned('relay.example', new Date()), minVersion, new Date());
  const events = { tlsFailed: (error: Error) => failures.push(error) };
  const front = await startFront({ ...frontOptions(sessions), tls, events });
  fronts.push(front);
  const port = front.addresses[0]?.port ?? 0;
  return { sessions, tls, front, port, failures, greeted: () => RawSmtp.greeted('127.0.0.1', port) };
}

describe('STARTTLS', () => {
  test('is offered until it is used, and everything before it is forgotten', async () => {
    const { sessions, greeted } = await start();
    const client = await greeted();
    expect((await client.command('EHLO again.example')).lines).toContain('STARTTLS');
    await client.command('MAIL FROM:<a@client.example>');
    const hello = await client.startTls(UNVERIFIED);
    expect(hello.lines).not.toContain('STARTTLS');
    expect((await client.command('RCPT TO:<b@relay.example>')).text).toBe('503 5.5.1 Send MAIL first');
    expect((await client.command('STARTTLS')).text).toBe('503 5.5.1 TLS is already active');
    await client.send('a@client.example', ['b@relay.example'], 'x: y\r\n');
    expect(sessions.messages[0]?.connection.tls).toEqual({
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      certificate: undefined,
      chain: [],
    });
  });

  test('needs a new EHLO afterwards', async () => {
    const { port } = await start();
    const socket = connectTcp(port, '127.0.0.1');
    await once(socket, 'data');
    socket.write('EHLO client.example\r\n');
    await once(socket, 'data');
    socket.write('STARTTLS\r\n');
    await once(socket, 'data');
    const secure = connect({ socket, ...UNVERIFIED });
    await once(secure, 'secureConnect');
    secure.write('MAIL FROM:<a@client.example>\r\n');
    expect(String((await once(secure, 'data'))[0])).toBe('503 5.5.1 Send EHLO first\r\n');
    secure.destroy();
  });

  test('takes no argument', async () => {
    const { greeted } = await start();
    const client = await greeted();
    expect((await client.command('STARTTLS now')).text).toBe('501 5.5.4 This command takes no argument');
  });

  test('drops what was pipelined behind it in clear text (CVE-2011-0411)', async () => {
    const { sessions, port } = await start();
    const socket = connectTcp(port, '127.0.0.1');
    await once(socket, 'data');
    socket.write('EHLO client.example\r\n');
    await once(socket, 'data');
    const injected = 'EHLO evil.example\r\nMAIL FROM:<evil@client.example>\r\nRCPT TO:<b@relay.example>\r\n';
    socket.write(`STARTTLS\r\n${injected}`);
    expect(String((await once(socket, 'data'))[0])).toBe('220 2.0.0 Ready to start TLS\r\n');
    const secure = connect({ socket, ...UNVERIFIED });
    await once(secure, 'secureConnect');
    secure.write('NOOP\r\n');
    expect(String((await once(secure, 'data'))[0])).toBe('250 2.0.0 OK\r\n');
    expect(sessions.connections[0]?.heloName).toBe('');
    secure.destroy();
  });

  test('with something that is no handshake ends the connection and is told', async () => {
    const { front, failures, greeted } = await start();
    const client = await greeted();
    await client.command('STARTTLS');
    client.write('NOOP\r\nNOOP\r\nNOOP\r\n');
    await client.closed();
    await expect.poll(() => failures.length).toBe(1);
    await expect.poll(() => front.connections()).toBe(0);
  });

  test('is not offered to old versions', async () => {
    const { greeted, failures } = await start('TLSv1.3');
    const client = await greeted();
    await expect(client.startTls({ ...UNVERIFIED, maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert|version/);
    await expect.poll(() => failures.length).toBe(1);
  });

  test('uses a new certificate for the next handshake while running sessions go on', async () => {
    const { tls, greeted } = await start();
    const before = await greeted();
    await before.startTls(UNVERIFIED);
    expect(tls.use(makeSelfSigned('new.example', new Date()), 'TLSv1.2', new Date()).ok).toBe(true);
    const after = await greeted();
    await after.startTls(UNVERIFIED);
    expect(before.tls?.getPeerCertificate().subject.CN).toBe('relay.example');
    expect(after.tls?.getPeerCertificate().subject.CN).toBe('new.example');
    expect((await before.send('a@client.example', ['b@relay.example'], 'x: y\r\n')).code).toBe(250);
  });

  test('keeps the last good certificate when the new one is refused', async () => {
    const { tls, greeted } = await start();
    const [one, other] = [makeSelfSigned('one.example', new Date()), makeSelfSigned('other.example', new Date())];
    expect(tls.use({ certificate: one.certificate, key: other.key }, 'TLSv1.2', new Date()).ok).toBe(false);
    const client = await greeted();
    await client.startTls(UNVERIFIED);
    expect(client.tls?.getPeerCertificate().subject.CN).toBe('relay.example');
  });
});

describe('a client certificate', () => {
  let root: Made;
  let issuing: Made;

  beforeAll(async () => {
    root = await pki.make({ subject: '/CN=Root', extensions: AUTHORITY });
    issuing = await pki.make({ subject: '/CN=Issuing', extensions: AUTHORITY, issuer: root });
  });

  const leaf = (issuer: Made | undefined, purpose = 'serverAuth') =>
    pki.make({
      subject: `/CN=${NAME}`,
      extensions: [`subjectAltName=DNS:${NAME}`, `extendedKeyUsage=${purpose}`],
      ...(issuer === undefined ? {} : { issuer }),
    });

  async function show(chain: readonly Made[], maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
    const { sessions, greeted } = await start();
    sessions.wanted = () => true;
    const client = await greeted();
    await client.startTls({
      ...UNVERIFIED,
      cert: chain.map(({ pem }) => pem).join(''),
      key: chain[0]?.keyPem,
      maxVersion,
    });
    return sessions.connections[0]?.tls;
  }

  function judge(tls: Awaited<ReturnType<typeof show>>) {
    if (tls?.certificate === undefined) throw new Error('no certificate was shown');
    const { certificate, chain } = tls;
    return verifyClientCertificate({ certificate, chain }, { names: [NAME], ca: root.pem, now: new Date() });
  }

  test('is not asked for unless the sessions want it', async () => {
    const { sessions, greeted } = await start();
    const made = await leaf(root);
    const asked: string[] = [];
    sessions.wanted = (address) => asked.push(address) < 0;
    const client = await greeted();
    await client.startTls({ ...UNVERIFIED, cert: made.pem, key: made.keyPem });
    expect(sessions.connections[0]?.tls?.certificate).toBeUndefined();
    expect(asked).toEqual(['127.0.0.1']);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('comes with its chain, in %s', async (version) => {
    const made = await leaf(issuing);
    const tls = await show([made, issuing, root], version);
    expect(tls?.version).toBe(version);
    expect(tls?.certificate?.fingerprint256).toBe(made.certificate.fingerprint256);
    expect(tls?.chain.map(({ subject }) => subject)).toEqual(['CN=Issuing', 'CN=Root']);
    expect(judge(tls)).toEqual({ ok: true });
  });

  test('may be missing although it was asked for', async () => {
    const { sessions, greeted } = await start();
    sessions.wanted = () => true;
    const client = await greeted();
    await client.startTls(UNVERIFIED);
    expect(sessions.connections[0]?.tls).toMatchObject({ certificate: undefined, chain: [] });
  });

  test.each(['clientAuth', 'serverAuth', 'clientAuth,serverAuth'])(
    'from a trusted authority for %s passes',
    async (purpose) => {
      expect(judge(await show([await leaf(root, purpose)]))).toEqual({ ok: true });
    },
  );

  test('that is self-signed, or of an untrusted authority, never passes', async () => {
    const untrusted = await pki.make({ subject: '/CN=Untrusted', extensions: AUTHORITY });
    const reason = expect.stringMatching(/^no trusted authority issued/);
    expect(judge(await show([await leaf(undefined)]))).toEqual({ ok: false, reason });
    expect(judge(await show([await leaf(untrusted), untrusted]))).toEqual({ ok: false, reason });
    expect(judge(await show([await leaf(untrusted)]))).toEqual({ ok: false, reason });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is shown again by a client that would rather resume, in %s',
    async (version) => {
      const { sessions, port, tls } = await start();
      sessions.wanted = () => true;
      expect(tls.current()).toBeDefined();
      const made = await leaf(issuing);
      const options = { ...UNVERIFIED, cert: made.pem + issuing.pem, key: made.keyPem, maxVersion: version };
      const first = await secured(port, options);
      const second = await secured(port, { ...options, session: first.session });
      expect(second.socket.isSessionReused()).toBe(false);
      expect(sessions.connections.map((connection) => connection.tls?.chain.length)).toEqual([1, 1]);
      expect(judge(sessions.connections[1]?.tls)).toEqual({ ok: true });
    },
  );

  test('of nobody is needed to resume a session', async () => {
    const { port } = await start();
    const first = await secured(port, UNVERIFIED);
    const second = await secured(port, { ...UNVERIFIED, session: first.session });
    expect(second.socket.isSessionReused()).toBe(true);
  });
});

/** STARTTLS and a NOOP inside, so that TLS 1.3 tickets have come. */
async function secured(port: number, options: object): Promise<{ socket: TLSSocket; session: Buffer | undefined }> {
  const plain = connectTcp(port, '127.0.0.1');
  await once(plain, 'data');
  plain.write('EHLO client.example\r\n');
  await once(plain, 'data');
  plain.write('STARTTLS\r\n');
  await once(plain, 'data');
  const socket = connect({ socket: plain, ...options });
  let session: Buffer | undefined;
  socket.on('session', (ticket) => {
    session = ticket;
  });
  await once(socket, 'secureConnect');
  socket.write('NOOP\r\n');
  await once(socket, 'data');
  return { socket, session: session ?? socket.getSession() };
}
