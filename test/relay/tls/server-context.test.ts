import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownCertificate } from '../../../relay/tls/own-certificate.ts';
import { makeSelfSigned } from '../../../relay/tls/self-signed.ts';
import { checkIdentity, ServerContext } from '../../../relay/tls/server-context.ts';
import { run, runOrThrow } from '../../support/child-process.ts';
import { AUTHORITY, type Made, Pki } from './pki.ts';

const DAY_MS = 24 * 3_600_000;
/** A minute ahead: certificates that are made while this test runs are valid by then. */
const NOW = new Date(Date.now() + 60_000);
let pki: Pki;
let root: Made;
let leaf: Made;

beforeAll(async () => {
  pki = new Pki();
  root = await pki.make({ subject: '/CN=Root', extensions: AUTHORITY, days: 400 });
  leaf = await pki.make({ subject: '/CN=leaf', extensions: ['subjectAltName=DNS:relay.example'], issuer: root });
});
afterAll(() => pki.remove());

describe('a certificate and its key', () => {
  test('that fit are used', () => {
    const check = checkIdentity({ certificate: leaf.pem + root.pem, key: leaf.keyPem }, NOW);
    expect(check).toEqual({ ok: true, warnings: [], expires: leaf.certificate.validToDate });
    expect(new ServerContext().use({ certificate: leaf.pem, key: leaf.keyPem }, 'TLSv1.3', NOW).ok).toBe(true);
  });

  test('in one file are used', () => {
    const both = leaf.keyPem + leaf.pem;
    expect(checkIdentity({ certificate: both, key: both }, NOW).ok).toBe(true);
  });

  const damaged = (pem: string) => pem.replace(/\n(.{20}).{20}/, `\n$1${'A'.repeat(20)}`);
  test.each<[string, () => { certificate: string; key: string }, string | RegExp]>([
    ['no certificate', () => ({ certificate: ' \n', key: leaf.keyPem }), 'the certificate file is empty'],
    ['no key', () => ({ certificate: leaf.pem, key: '' }), 'the key file is empty'],
    [
      'garbage',
      () => ({ certificate: 'hello', key: leaf.keyPem }),
      /^the certificate file is not PEM: it must contain/,
    ],
    [
      'DER',
      () => ({ certificate: leaf.certificate.raw.toString('latin1'), key: leaf.keyPem }),
      /^the certificate file is not PEM/,
    ],
    [
      'a key that is garbage',
      () => ({ certificate: leaf.pem, key: 'hello' }),
      /^the key file is not PEM: it must contain/,
    ],
    [
      'files the wrong way round',
      () => ({ certificate: leaf.keyPem, key: leaf.pem }),
      'the certificate file holds a private key instead of a certificate',
    ],
    [
      'a certificate instead of the key',
      () => ({ certificate: leaf.pem, key: leaf.pem }),
      'the key file holds a damaged or misplaced certificate instead of a private key',
    ],
    [
      'a damaged certificate',
      () => ({ certificate: leaf.pem + damaged(root.pem), key: leaf.keyPem }),
      'certificate 2 of the certificate file is damaged',
    ],
    [
      'a cut certificate',
      () => ({ certificate: leaf.pem.slice(0, 300), key: leaf.keyPem }),
      'the certificate file holds a damaged or misplaced certificate instead of a certificate',
    ],
    [
      'a damaged key',
      () => ({ certificate: leaf.pem, key: damaged(leaf.keyPem) }),
      'the private key is damaged, or of a kind that OpenSSL does not know',
    ],
    ['another key', () => ({ certificate: leaf.pem, key: root.keyPem }), /^the key does not belong to the certificate/],
    [
      'a chain in the wrong order',
      () => ({ certificate: root.pem + leaf.pem, key: leaf.keyPem }),
      /^the key belongs to certificate 2 of the file: the server's own must come first/,
    ],
  ])('are refused: %s', (_title, identity, reason) => {
    expect(checkIdentity(identity(), NOW)).toEqual({
      ok: false,
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });

  test('are refused when the key is encrypted, with the command that helps', async () => {
    for (const args of [
      ['-aes256', '-passout', 'pass:x'],
      ['-traditional', '-aes256', '-passout', 'pass:x'],
    ]) {
      const key = await runOrThrow('openssl', ['pkey', '-in', leaf.keyFile, ...args]);
      expect(checkIdentity({ certificate: leaf.pem, key }, NOW)).toEqual({
        ok: false,
        reason: expect.stringMatching(/^the key is encrypted; store it without a passphrase: openssl pkey/),
      });
    }
  });

  test('are refused when what is there is a signing request or a public key', async () => {
    const request = await runOrThrow('openssl', ['req', '-new', '-key', leaf.keyFile, '-subj', '/CN=x']);
    expect(checkIdentity({ certificate: request, key: leaf.keyPem }, NOW)).toMatchObject({
      reason: 'the certificate file holds a certificate request instead of a certificate',
    });
    const publicKey = await runOrThrow('openssl', ['pkey', '-in', leaf.keyFile, '-pubout']);
    expect(checkIdentity({ certificate: leaf.pem, key: publicKey }, NOW)).toMatchObject({
      reason: 'the key file holds a public key instead of a private key',
    });
  });

  test('that OpenSSL will not use are refused, and the last good ones stay', async () => {
    const short = await pki.make({
      subject: '/CN=short',
      extensions: [],
      key: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
    });
    const context = new ServerContext();
    expect(context.current()).toBeUndefined();
    context.use({ certificate: leaf.pem, key: leaf.keyPem }, 'TLSv1.2', NOW);
    const before = context.current();
    expect(context.use({ certificate: short.pem, key: short.keyPem }, 'TLSv1.2', NOW)).toEqual({
      ok: false,
      reason: expect.stringMatching(/^OpenSSL cannot use it: .*too small/),
    });
    expect(context.current()).toBe(before);
  });

  test.each([
    ['has expired', 31, /^the certificate expired at .*: clients that verify it will not deliver$/],
    ['is about to', 20, /^the certificate expires at /],
    ['is not valid yet', -2, /^the certificate is not valid before /],
  ])('are used with a warning when the certificate %s', (_title, days, warning) => {
    const now = new Date(NOW.getTime() + days * DAY_MS);
    const check = checkIdentity({ certificate: leaf.pem, key: leaf.keyPem }, now);
    expect(check).toMatchObject({ ok: true, warnings: [expect.stringMatching(warning)] });
  });

  test('are used with a warning when the chain has a gap', async () => {
    const other = await pki.make({ subject: '/CN=Other', extensions: AUTHORITY });
    expect(checkIdentity({ certificate: leaf.pem + other.pem, key: leaf.keyPem }, NOW)).toMatchObject({
      ok: true,
      warnings: ['certificate 2 of the file did not issue certificate 1: clients may not find the chain'],
    });
  });
});

describe('a self-signed certificate', () => {
  test('satisfies openssl, strictly read, for its name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-own-'));
    const file = join(folder, 'own.pem');
    for (const hostname of ['relay.example', `${'long.'.repeat(30)}example`]) {
      writeFileSync(file, makeSelfSigned(hostname, NOW).certificate);
      const args = [
        'verify',
        '-x509_strict',
        '-verify_hostname',
        hostname,
        '-purpose',
        'sslserver',
        '-CAfile',
        file,
        file,
      ];
      expect((await run('openssl', args)).stdout).toBe(`${file}: OK\n`);
    }
    rmSync(folder, { recursive: true });
  });

  test('is kept, readable by its owner only, and made anew when damaged, expired or for another name', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'isthmus-own-')), 'data');
    const first = await ownCertificate(folder, 'relay.example', NOW);
    expect(checkIdentity(first, NOW)).toMatchObject({ ok: true, warnings: [] });
    expect(statSync(join(folder, 'self-signed.pem')).mode & 0o777).toBe(0o600);
    const fingerprint = async (hostname: string, now: Date) =>
      /BEGIN CERTIFICATE-----([^-]+)/.exec((await ownCertificate(folder, hostname, now)).certificate)?.[1];
    const kept = await fingerprint('relay.example', NOW);
    expect(first.certificate).toContain(kept);
    expect(await fingerprint('relay.example', NOW)).toBe(kept);
    const renamed = await fingerprint('other.example', NOW);
    expect(renamed).not.toBe(kept);
    const later = new Date(NOW.getTime() + 3645 * DAY_MS);
    const renewed = await fingerprint('other.example', later);
    expect(renewed).not.toBe(renamed);
    writeFileSync(join(folder, 'self-signed.pem'), 'damaged');
    expect(await fingerprint('other.example', later)).not.toBe(renewed);
    expect(readdirSync(folder)).toEqual(['self-signed.pem']);
    expect(readFileSync(join(folder, 'self-signed.pem'), 'utf8')).toContain('PRIVATE KEY');
    rmSync(folder, { recursive: true });
  });
});
