/** Makes a self-signed certificate: opportunistic TLS without any set-up, for clients that do not verify. */

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { der, derOid, derTime, TAG } from './der.ts';
import type { ServerIdentity } from './server-context.ts';

/** Nobody verifies it and nobody renews it, so it lasts; ten years. */
const LIFETIME_MS = 3650 * 24 * 3_600_000;
/** Clocks of clients differ. */
const BACKDATED_MS = 24 * 3_600_000;
/** RFC 5280 appendix A, ub-common-name. */
const COMMON_NAME_CHARACTERS = 64;

const ECDSA_WITH_SHA256 = der(TAG.sequence, derOid('1.2.840.10045.4.3.2'));
const TRUE = der(TAG.boolean, Buffer.from([0xff]));
const [EXPLICIT_0, EXPLICIT_3, DNS_NAME] = [0xa0, 0xa3, 0x82];

export function makeSelfSigned(hostname: string, now: Date): ServerIdentity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const commonName = der(TAG.utf8String, Buffer.from(hostname.slice(0, COMMON_NAME_CHARACTERS)));
  const name = der(TAG.sequence, der(TAG.set, der(TAG.sequence, derOid('2.5.4.3'), commonName)));
  const validity = der(
    TAG.sequence,
    derTime(new Date(now.getTime() - BACKDATED_MS)),
    derTime(new Date(now.getTime() + LIFETIME_MS)),
  );
  const toBeSigned = der(
    TAG.sequence,
    der(EXPLICIT_0, der(TAG.integer, Buffer.from([2]))),
    // RFC 5280 §4.1.2.2: positive and at most 20 octets.
    der(TAG.integer, Buffer.from([0x01]), randomBytes(15)),
    ECDSA_WITH_SHA256,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXPLICIT_3, der(TAG.sequence, ...extensions(hostname))),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = der(TAG.sequence, toBeSigned, ECDSA_WITH_SHA256, der(TAG.bitString, Buffer.from([0]), signature));
  return { certificate: pem(certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

function extensions(hostname: string): Buffer[] {
  const basicConstraints = der(TAG.sequence);
  // RFC 5280 §4.2.1.3: digitalSignature is the first bit, the other seven are unused.
  const keyUsage = der(TAG.bitString, Buffer.from([7, 0x80]));
  const extendedKeyUsage = der(TAG.sequence, derOid('1.3.6.1.5.5.7.3.1'), derOid('1.3.6.1.5.5.7.3.2'));
  const alternativeName = der(TAG.sequence, der(DNS_NAME, Buffer.from(hostname, 'latin1')));
  return [
    der(TAG.sequence, derOid('2.5.29.19'), TRUE, der(TAG.octetString, basicConstraints)),
    der(TAG.sequence, derOid('2.5.29.15'), TRUE, der(TAG.octetString, keyUsage)),
    der(TAG.sequence, derOid('2.5.29.37'), der(TAG.octetString, extendedKeyUsage)),
    der(TAG.sequence, derOid('2.5.29.17'), der(TAG.octetString, alternativeName)),
  ];
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
