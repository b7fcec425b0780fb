/** An authority of the demo's own and certificates for its mail systems, made without openssl. */

import { generateKeyPairSync } from 'node:crypto';
import { writeCertificate } from '../relay/tls/certificate-writer.ts';

/** PEM texts. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  readonly certificate: string;
  /** Good for both ends of a connection: a mail system receives and sends under one name. */
  issue(dnsName: string): Identity;
}

const NAME = 'Isthmus demo authority';
const HOUR_MS = 3_600_000;
const MONTH_MS = 30 * 24 * HOUR_MS;

export function makeAuthority(): Authority {
  const issuerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const common = {
    issuer: NAME,
    issuerKey,
    // A clock that is a little behind must not make it a certificate of the future.
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(now + MONTH_MS),
  };
  return {
    certificate: writeCertificate({
      ...common,
      subject: NAME,
      publicKey: issuerKey.publicKey,
      use: { authority: true },
    }),
    issue: (dnsName) => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return {
        certificate: writeCertificate({ ...common, subject: dnsName, publicKey, use: { dnsName } }),
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      };
    },
  };
}
