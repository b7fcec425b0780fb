/** Makes a self-signed certificate: opportunistic TLS without any set-up, for clients that do not verify. */

import { generateKeyPairSync } from 'node:crypto';
import { writeCertificate } from './certificate-writer.ts';
import type { ServerIdentity } from './server-context.ts';

/** Nobody verifies it and nobody renews it, so it lasts; ten years. */
const LIFETIME_MS = 3650 * 24 * 3_600_000;
/** Clocks of clients differ. */
const BACKDATED_MS = 24 * 3_600_000;

export function makeSelfSigned(hostname: string, now: Date): ServerIdentity {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = writeCertificate({
    issuer: hostname,
    subject: hostname,
    issuerKey: pair,
    publicKey: pair.publicKey,
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: new Date(now.getTime() + LIFETIME_MS),
    use: { dnsName: hostname },
  });
  return { certificate, key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}
