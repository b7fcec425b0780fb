import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFacts } from '../../../relay/tls/certificate-facts.ts';
import { verifyClientCertificate } from '../../../relay/tls/client-certificate.ts';
import { trustAnchors } from '../../../relay/tls/trust-anchors.ts';
import { AUTHORITY, type Made, Pki, type Wish } from './pki.ts';

const NAME = 'mail.protection.outlook.com';
const SERVER_ONLY = [`subjectAltName=DNS:${NAME}`, 'extendedKeyUsage=serverAuth', 'basicConstraints=critical,CA:FALSE'];

let pki: Pki;
let root: Made;
let otherRoot: Made;
let issuing: Made;

beforeAll(async () => {
  pki = new Pki();
  root = await pki.make({ subject: '/CN=Root', extensions: AUTHORITY, days: 300 });
  // The same name as the trusted one, another key.
  otherRoot = await pki.make({ subject: '/CN=Root', extensions: AUTHORITY });
  issuing = await pki.make({ subject: '/CN=Issuing', extensions: AUTHORITY, issuer: root, days: 200 });
});

afterAll(() => pki.remove());

function inDays(days: number): Date {
  return new Date(Date.now() + days * 24 * 3_600_000);
}

function leaf(wish: Partial<Wish> = {}): Promise<Made> {
  return pki.make({ subject: '/CN=leaf', extensions: SERVER_ONLY, issuer: root, ...wish });
}

function verify(made: Made, chain: readonly Made[] = [], options: { ca?: string; names?: string[]; now?: Date } = {}) {
  return verifyClientCertificate(
    { certificate: made.certificate, chain: chain.map(({ certificate }) => certificate) },
    { names: [NAME], ca: root.pem, now: new Date(), ...options },
  );
}

describe('a certificate is accepted', () => {
  test.each(['clientAuth', 'serverAuth', 'clientAuth,serverAuth', 'anyExtendedKeyUsage'])(
    'from a trusted authority, for the purpose %s',
    async (purpose) => {
      const made = await leaf({ extensions: [`subjectAltName=DNS:${NAME}`, `extendedKeyUsage=${purpose}`] });
      expect(verify(made)).toEqual({ ok: true });
    },
  );

  test('from a trusted authority, without any stated purpose', async () => {
    const made = await leaf({ extensions: [`subjectAltName=DNS:${NAME}`] });
    expect(verify(made)).toEqual({ ok: true });
  });

  test('through an intermediate authority that the client sent, with or without the root', async () => {
    const made = await leaf({ issuer: issuing });
    expect(verify(made, [issuing])).toEqual({ ok: true });
    expect(verify(made, [root, otherRoot, issuing])).toEqual({ ok: true });
  });

  test('when the intermediate authority itself is the trusted one', async () => {
    const made = await leaf({ issuer: issuing });
    expect(verify(made, [], { ca: issuing.pem })).toEqual({ ok: true });
  });

  test('when it is itself the trusted one', async () => {
    const made = await leaf();
    expect(verify(made, [], { ca: made.pem })).toEqual({ ok: true });
  });

  test('when its key is RSA of 2048 bits', async () => {
    const made = await leaf({ key: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'] });
    expect(verify(made)).toEqual({ ok: true });
  });
});

describe('a certificate is refused although Node says INVALID_PURPOSE or nothing', () => {
  test('from an untrusted authority, the whole chain sent, for servers only', async () => {
    const untrusted = await pki.make({ subject: '/CN=Untrusted', extensions: AUTHORITY });
    const made = await leaf({ issuer: untrusted });
    expect(verify(made, [untrusted])).toEqual({ ok: false, reason: 'no trusted authority issued "CN=Untrusted"' });
  });

  test('self-signed with the right name, for servers only', async () => {
    const made = await pki.make({ subject: `/CN=${NAME}`, extensions: SERVER_ONLY });
    expect(verify(made)).toEqual({ ok: false, reason: `no trusted authority issued "CN=${NAME}"` });
  });

  test('from an untrusted authority, sent alone', async () => {
    const made = await leaf({ issuer: otherRoot });
    expect(verify(made)).toEqual({ ok: false, reason: 'no trusted authority issued "CN=leaf"' });
  });

  test('from an authority that only has the trusted one’s name', async () => {
    const made = await leaf({ issuer: otherRoot });
    expect(verify(made, [otherRoot])).toEqual({ ok: false, reason: 'no trusted authority issued "CN=Root"' });
  });

  test('from a private authority, when Node’s bundled roots are trusted', async () => {
    const made = await leaf();
    const { certificate } = made;
    expect(
      verifyClientCertificate({ certificate, chain: [root.certificate] }, { names: [NAME], now: new Date() }),
    ).toEqual({ ok: false, reason: 'no trusted authority issued "CN=Root"' });
  });
});

test('every bundled root is a trusted authority', () => {
  const anchors = trustAnchors(undefined);
  if (!anchors.ok) throw new Error(anchors.reason);
  expect(rootCertificates.length).toBeGreaterThan(100);
  for (const pem of rootCertificates) {
    const root = new X509Certificate(pem);
    expect(anchors.value.includes(root)).toBe(true);
    expect(anchors.value.bySubject(root.subject).map(({ raw }) => raw)).toContainEqual(root.raw);
    expect(certificateFacts(root)).toMatchObject({ authority: true, notUnderstood: [] });
  }
});

describe('dates count for every link', () => {
  test('of the certificate', async () => {
    const made = await leaf({ days: 10 });
    expect(verify(made, [], { now: inDays(9) })).toEqual({ ok: true });
    expect(verify(made, [], { now: inDays(11) })).toMatchObject({
      reason: expect.stringMatching(/^"CN=leaf" expired at/),
    });
    expect(verify(made, [], { now: inDays(-1) })).toMatchObject({
      reason: expect.stringMatching(/^"CN=leaf" is not valid before/),
    });
  });

  test('of an intermediate authority and of the root', async () => {
    const made = await leaf({ issuer: issuing, days: 400 });
    expect(verify(made, [issuing], { now: inDays(199) })).toEqual({ ok: true });
    expect(verify(made, [issuing], { now: inDays(201) })).toMatchObject({
      reason: expect.stringMatching(/^"CN=Issuing" expired/),
    });
    const direct = await leaf({ days: 400 });
    expect(verify(direct, [], { now: inDays(301) })).toMatchObject({
      reason: expect.stringMatching(/^"CN=Root" expired/),
    });
  });
});

describe('an issuer must be allowed to issue', () => {
  test.each([
    ['a certificate for servers', SERVER_ONLY, /is no authority/],
    ['one without basic constraints', ['subjectAltName=DNS:x.example'], /is no authority/],
    [
      'one whose key may not sign certificates',
      [AUTHORITY[0] as string, 'keyUsage=critical,digitalSignature'],
      /no trusted authority issued "CN=leaf"|may not sign/,
    ],
    [
      'one with name constraints',
      [...AUTHORITY, 'nameConstraints=permitted;DNS:example.com'],
      /2\.5\.29\.30, which is not understood/,
    ],
    [
      'one with an unknown critical extension',
      [...AUTHORITY, '1.2.3.4=critical,ASN1:NULL'],
      /1\.2\.3\.4, which is not understood/,
    ],
    ['one for signing code', [...AUTHORITY, 'extendedKeyUsage=codeSigning'], /is not for TLS/],
  ])('%s is not', async (_title, extensions, reason) => {
    const middle = await pki.make({ subject: '/CN=Middle', extensions, issuer: root });
    const made = await leaf({ issuer: middle });
    expect(verify(made, [middle])).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('no deeper than its path length says', async () => {
    const limited = await pki.make({
      subject: '/CN=Limited',
      extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0'],
      issuer: root,
    });
    expect(verify(await leaf({ issuer: limited }), [limited])).toEqual({ ok: true });
    const below = await pki.make({ subject: '/CN=Below', extensions: AUTHORITY, issuer: limited });
    expect(verify(await leaf({ issuer: below }), [below, limited])).toEqual({
      ok: false,
      reason: '"CN=Limited" allows 0 authorities below it, not 1',
    });
  });
});

describe('the certificate itself must be fit', () => {
  test.each([
    [
      'for signing code',
      { extensions: [`subjectAltName=DNS:${NAME}`, 'extendedKeyUsage=codeSigning'] },
      /is not for TLS/,
    ],
    ['with a short key', { key: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'] }, /has a key of 1024 bits/],
    ['signed with SHA-1', { digest: 'sha1' }, /is signed with ecdsa-with-SHA1/],
  ])('not one %s', async (_title, wish, reason) => {
    expect(verify(await leaf(wish))).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('authorities that cannot be read are told', async () => {
    expect(verify(await leaf(), [], { ca: 'garbage' })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^the trusted authorities cannot be read: .* is not PEM/),
    });
  });
});

describe('names', () => {
  test.each([
    // shown, expected, accepted
    [[`DNS:${NAME}`], NAME, true],
    [['DNS:MAIL.Protection.Outlook.com'], NAME, true],
    [['DNS:*.protection.outlook.com'], NAME, true],
    [['DNS:*.protection.outlook.com'], '*.protection.outlook.com', true],
    [['DNS:other.example', `DNS:${NAME}`], NAME, true],
    [[`DNS:${NAME}`], '*.protection.outlook.com', true],
    [['DNS:a.mail.protection.outlook.com'], '*.protection.outlook.com', false],
    [['DNS:protection.outlook.com'], '*.protection.outlook.com', false],
    [['DNS:*.outlook.com'], NAME, false],
    [['DNS:mail*.protection.outlook.com'], NAME, false],
    [[`DNS:${NAME}.evil.example`], NAME, false],
    [['IP:192.0.2.1'], '192.0.2.1', false],
    [['email:a@example.com'], 'leaf', false],
  ])('%s for %s: %s', async (shown, expected, accepted) => {
    const made = await leaf({ extensions: [`subjectAltName=${shown.join(',')}`] });
    expect(verify(made, [], { names: ['unrelated.example', expected] }).ok).toBe(accepted);
  });

  test('the common name counts only without alternative names', async () => {
    const old = await leaf({ subject: `/CN=${NAME}`, extensions: ['basicConstraints=CA:FALSE'] });
    expect(verify(old)).toEqual({ ok: true });
    const fresh = await leaf({ subject: `/CN=${NAME}`, extensions: ['subjectAltName=DNS:other.example'] });
    expect(verify(fresh)).toEqual({ ok: false, reason: `the certificate is for other.example, not for ${NAME}` });
  });
});
