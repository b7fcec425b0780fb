/**
 * The functions compile is given: certificates and keys are told apart, and nothing but what was asked leaves a
 * Secret.
 */

import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodePlatform } from '../../operator/platform.ts';
import { type Authority, certificateFolder, type Identity } from '../support/certificates.ts';

const PLATFORM = nodePlatform();

describe('nodePlatform', () => {
  const folder = certificateFolder();
  let authority: Authority;
  let leaf: Identity;
  const notBefore = new Date('2026-01-01T00:00:00Z');
  const notAfter = new Date('2027-01-01T00:00:00Z');
  beforeAll(async () => {
    authority = await folder.authority('Authority');
    leaf = await authority.issue({ names: ['Mail.Example', '*.mail.example', '192.0.2.1'], notBefore, notAfter });
  });
  afterAll(() => folder.remove());

  it('tells the names and dates of a chain in its order', () => {
    const inspected = PLATFORM.inspectCertificates(`some words\n${leaf.certificate}\n${authority.certificate}`);
    expect(inspected).toMatchObject({
      ok: true,
      value: [
        { names: ['mail.example', '*.mail.example'], notBefore: notBefore.getTime(), notAfter: notAfter.getTime() },
        { names: [] },
      ],
    });
  });

  it('knows which key a certificate was made for', () => {
    const certificates = PLATFORM.inspectCertificates(leaf.certificate);
    const own = PLATFORM.inspectPrivateKey(leaf.key);
    const other = PLATFORM.inspectPrivateKey(authority.key);
    if (!certificates.ok || !own.ok || !other.ok) throw new Error('each of the three can be read');
    expect(certificates.value[0]?.publicKey).toBe(own.value.publicKey);
    expect(certificates.value[0]?.publicKey).not.toBe(other.value.publicKey);
    expect(own.value).toMatchObject({ type: 'ec', bits: undefined });
  });

  it('reads RSA keys in both PEM forms and tells their size', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const [first, second] = (['pkcs1', 'pkcs8'] as const).map((type) =>
      PLATFORM.inspectPrivateKey(privateKey.export({ type, format: 'pem' }).toString()),
    );
    expect(first).toEqual(second);
    expect(first).toMatchObject({ ok: true, value: { type: 'rsa', bits: 2048 } });
  });

  it('refuses a key that needs a passphrase, and what is no key, without repeating it', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'geheim' });
    const reason = 'holds no PEM private key that can be read without a passphrase';
    expect(PLATFORM.inspectPrivateKey(locked.toString())).toEqual({ ok: false, reason });
    expect(PLATFORM.inspectPrivateKey('hunter2')).toEqual({ ok: false, reason });
    expect(PLATFORM.inspectCertificates(leaf.key)).toEqual({ ok: false, reason: 'holds no PEM certificate' });
  });

  it('names a credential by its content, and differently under another key', () => {
    expect(PLATFORM.credentialId('secret')).toBe(PLATFORM.credentialId('secret'));
    expect(PLATFORM.credentialId('secret')).not.toBe(PLATFORM.credentialId('Secret'));
    expect(nodePlatform('key').credentialId('secret')).not.toBe(PLATFORM.credentialId('secret'));
    expect(PLATFORM.hash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});
