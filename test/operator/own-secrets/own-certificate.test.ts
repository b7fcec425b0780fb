/** The certificate that the operator makes: what it is good for, and when it is due again. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isDue, ownCertificate } from '../../../operator/own-secrets/own-certificate.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

describe('the certificate of a fleet that names none', () => {
  it('is for its host name and belongs to its key', async () => {
    const { certificate, key } = await ownCertificate('relay.shared.example', NOW);
    const read = new X509Certificate(certificate);
    expect(read.checkHost('relay.shared.example')).toBe('relay.shared.example');
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(read.verify(read.publicKey)).toBe(true);
  });

  it('is another each time', async () => {
    const [one, two] = await Promise.all([ownCertificate('a.example', NOW), ownCertificate('a.example', NOW)]);
    expect(one.key).not.toBe(two.key);
  });

  it('is due when a third of its life is left, and not before', async () => {
    const { certificate } = await ownCertificate('a.example', NOW);
    const { validFromDate, validToDate } = new X509Certificate(certificate);
    const third = (validToDate.getTime() - validFromDate.getTime()) / 3;
    const at = (ms: number) => new Date(validToDate.getTime() - third + ms);
    expect(isDue(certificate, 'a.example', NOW)).toBe(false);
    expect(isDue(certificate, 'a.example', at(-DAY_MS))).toBe(false);
    expect(isDue(certificate, 'a.example', at(DAY_MS))).toBe(true);
    expect(isDue(certificate, 'a.example', new Date(validToDate.getTime() + DAY_MS))).toBe(true);
  });

  it('is due when the host name has changed, when it is not valid yet, and when it is none', async () => {
    const { certificate } = await ownCertificate('a.example', NOW);
    expect(isDue(certificate, 'b.example', NOW)).toBe(true);
    expect(isDue(certificate, 'a.example', new Date(NOW.getTime() - 30 * DAY_MS))).toBe(true);
    expect(isDue('', 'a.example', NOW)).toBe(true);
    expect(isDue('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'a.example', NOW)).toBe(true);
  });
});
