import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Front, startFront } from '../../../relay/smtp/front.ts';
import { makeSelfSigned } from '../../../relay/tls/self-signed.ts';
import { ServerContext } from '../../../relay/tls/server-context.ts';
import { run } from '../../support/child-process.ts';
import { type Postfix, startPostfix } from '../../support/postfix.ts';
import type { PostfixOptions } from '../../support/postfix-settings.ts';
import { smtpSource } from '../../support/smtp-source.ts';
import { swaks } from '../../support/swaks.ts';
import { AUTHORITY, type Made, Pki } from '../tls/pki.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const HOST = '127.0.0.1';
const FROM = ['--from', 'a@client.example', '--to', 'b@relay.example'];
const fronts: Front[] = [];
const postfixes: Postfix[] = [];
let pki: Pki;
let client: Made;

beforeAll(async () => {
  pki = new Pki();
  const root = await pki.make({ subject: '/CN=Root', extensions: AUTHORITY });
  client = await pki.make({ subject: '/CN=client.example', extensions: [], issuer: root });
});
afterAll(() => pki.remove());
afterEach(() => Promise.all(fronts.splice(0).map((front) => front.close())));
afterEach(() => Promise.all(postfixes.splice(0).map((postfix) => postfix.stop())));

async function sender(options: PostfixOptions): Promise<Postfix> {
  const postfix = await startPostfix(options);
  postfixes.push(postfix);
  return postfix;
}

async function start() {
  const sessions = new RecordingSessions();
  const tls = new ServerContext();
  tls.use(makeSelfSigned('relay.example', new Date()), 'TLSv1.2', new Date());
  const front = await startFront({ ...frontOptions(sessions, { messageBytes: 1e8 }), tls });
  fronts.push(front);
  return { sessions, port: front.addresses[0]?.port ?? 0 };
}

describe('swaks', () => {
  test('delivers over TLS with a client certificate', async () => {
    const { sessions, port } = await start();
    sessions.wanted = () => true;
    const certificate = ['--tls-cert', client.file, '--tls-key', client.keyFile];
    const { code, transcript } = await swaks(HOST, port, [...FROM, '--tls', ...certificate, '--body', '.a dot\n..two']);
    expect(code, transcript).toBe(0);
    expect(sessions.messages[0]?.content.toString()).toContain('\r\n\r\n.a dot\r\n..two\r\n');
    expect(sessions.messages[0]?.connection.tls).toMatchObject({ version: expect.stringMatching(/^TLSv1\.[23]$/) });
    expect(sessions.messages[0]?.connection.tls?.certificate?.fingerprint256).toBe(client.certificate.fingerprint256);
  });

  test('delivers pipelined', async () => {
    const { sessions, port } = await start();
    const { code, transcript } = await swaks(HOST, port, [...FROM, '--pipeline']);
    expect(code, transcript).toBe(0);
    expect(sessions.messages).toHaveLength(1);
  });

  test('hears why a recipient is refused', async () => {
    const { port } = await start();
    const { code, replies } = await swaks(HOST, port, ['--from', 'a@x.example', '--to', '550-5.1.1@relay.example']);
    expect(code).toBe(24);
    expect(replies).toContain('550 5.1.1 in two lines');
  });
});

describe('smtp-source', () => {
  test('delivers many messages over many connections', async () => {
    const { sessions, port } = await start();
    const options = { host: HOST, port, from: 'a@client.example', to: 'b@relay.example' };
    const result = await smtpSource({ ...options, messages: 500, sessions: 20, length: 4096, args: ['-d'] });
    expect(result.code, result.stderr).toBe(0);
    expect(sessions.messages).toHaveLength(500);
    expect(new Set(sessions.messages.map(({ content }) => content.length)).size).toBeLessThan(5);
    expect(new Set(sessions.connections.map(({ id }) => id)).size).toBe(sessions.connections.length);
  });
});

describe('openssl', () => {
  test('shakes hands after STARTTLS and sees the certificate, in both versions', async () => {
    const { port } = await start();
    for (const version of ['-tls1_2', '-tls1_3']) {
      const args = ['s_client', '-connect', `${HOST}:${port}`, '-starttls', 'smtp', '-crlf', '-ign_eof', version];
      const { stdout } = await run('openssl', args, { input: 'NOOP\nQUIT\n' });
      expect(stdout).toContain('subject=CN = relay.example');
      expect(stdout).toContain('250 2.0.0 OK');
    }
  });

  test('is refused with TLS 1.1', async () => {
    const { port } = await start();
    const args = [
      's_client',
      '-connect',
      `${HOST}:${port}`,
      '-starttls',
      'smtp',
      '-tls1_1',
      '-cipher',
      'ALL:@SECLEVEL=0',
    ];
    const { code, stderr } = await run('openssl', args, { input: '' });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/alert protocol version/);
  });
});

describe('Postfix', () => {
  test('delivers what its users hand in, over TLS, octet by octet', async () => {
    const { sessions, port } = await start();
    const postfix = await sender({
      relayHost: { host: HOST, port },
      settings: { smtp_tls_security_level: 'encrypt', smtp_tls_loglevel: '1' },
    });
    const body = `.\n..\n.dot\n${'\u00fc'.repeat(300)}\n${'x'.repeat(900)}\n`.repeat(500);
    await postfix.submit('a@client.example', ['b@relay.example', '"b c"@relay.example'], `Subject: x\n\n${body}`);
    await postfix.waitForLog(/status=sent \(250 2\.0\.0 Took/);
    const [message] = sessions.messages;
    expect(message?.recipients.map(({ text }) => text)).toEqual(['"b c"@relay.example', 'b@relay.example']);
    expect(message?.parameters.size).toBeGreaterThan(700_000);
    expect(message?.connection.tls?.version).toBe('TLSv1.3');
    const content = message?.content.toString() ?? '';
    expect(content.slice(content.indexOf('\r\n\r\n') + 4)).toBe(body.replaceAll('\n', '\r\n'));
  });

  test('keeps what is refused for now and bounces what is refused for good', async () => {
    const { port } = await start();
    const postfix = await sender({ relayHost: { host: HOST, port } });
    await postfix.submit('a@client.example', ['b@relay.example'], 'Subject: x\n\nAnswer: 452 4.3.1 Disk full\n');
    const [deferred] = await postfix.waitForLog(/status=deferred .*/);
    expect(deferred).toContain('said: 452 4.3.1 Disk full');
    await postfix.submit('a@client.example', ['550-5.1.1@relay.example'], 'Subject: x\n\nx\n');
    const [bounced] = await postfix.waitForLog(/status=bounced .*/);
    expect(bounced).toContain('said: 550-5.1.1 As the address says 550 5.1.1 in two lines');
  });
});
