/** Writes X.509 certificates (RFC 5280) signed with ECDSA P-256: the few forms that a self-signed certificate and a demo need. */

import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { der, derOid, derTime, TAG } from './der.ts';

export interface CertificateContents {
  /** Common names. */
  readonly issuer: string;
  readonly subject: string;
  /** The issuer's pair and the subject's public key; the same for a self-signed certificate. */
  readonly issuerKey: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** An authority signs others; a mail system receives and sends under its DNS name. */
  readonly use: { readonly authority: true } | { readonly dnsName: string };
}

const ECDSA_WITH_SHA256 = der(TAG.sequence, derOid('1.2.840.10045.4.3.2'));
const TRUE = der(TAG.boolean, Buffer.from([0xff]));
const [EXPLICIT_0, EXPLICIT_3, DNS_NAME, KEY_IDENTIFIER] = [0xa0, 0xa3, 0x82, 0x80];
/** RFC 5280 appendix A, ub-common-name. */
const COMMON_NAME_CHARACTERS = 64;

/** PEM. */
export function writeCertificate(contents: CertificateContents): string {
  const { issuer, subject, issuerKey, publicKey, notBefore, notAfter } = contents;
  const toBeSigned = der(
    TAG.sequence,
    der(EXPLICIT_0, der(TAG.integer, Buffer.from([2]))),
    // RFC 5280 §4.1.2.2: positive and at most 20 octets.
    der(TAG.integer, Buffer.from([0x01]), randomBytes(15)),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer),
    der(TAG.sequence, derTime(notBefore), derTime(notAfter)),
    distinguishedName(subject),
    publicKeyInfo(publicKey),
    der(EXPLICIT_3, der(TAG.sequence, ...extensions(contents))),
  );
  const signature = sign('sha256', toBeSigned, issuerKey.privateKey);
  const whole = der(TAG.sequence, toBeSigned, ECDSA_WITH_SHA256, der(TAG.bitString, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensions({ use, issuerKey, publicKey }: CertificateContents): Buffer[] {
  // Key identifiers let a verifier build the chain (RFC 5280 §4.2.1.1, §4.2.1.2); strict ones demand them.
  const identifiers = [
    extension('2.5.29.14', der(TAG.octetString, keyIdentifier(publicKey))),
    extension('2.5.29.35', der(TAG.sequence, der(KEY_IDENTIFIER, keyIdentifier(issuerKey.publicKey)))),
  ];
  if ('authority' in use) {
    return [
      ...identifiers,
      extension('2.5.29.19', der(TAG.sequence, TRUE), 'critical'),
      // RFC 5280 §4.2.1.3: keyCertSign is the sixth bit, two are unused.
      extension('2.5.29.15', der(TAG.bitString, Buffer.from([2, 0x04])), 'critical'),
    ];
  }
  return [
    ...identifiers,
    extension('2.5.29.19', der(TAG.sequence), 'critical'),
    // digitalSignature is the first bit, seven are unused.
    extension('2.5.29.15', der(TAG.bitString, Buffer.from([7, 0x80])), 'critical'),
    // serverAuth and clientAuth: receives and sends under one name.
    extension('2.5.29.37', der(TAG.sequence, derOid('1.3.6.1.5.5.7.3.1'), derOid('1.3.6.1.5.5.7.3.2'))),
    extension('2.5.29.17', der(TAG.sequence, der(DNS_NAME, Buffer.from(use.dnsName, 'latin1')))),
  ];
}

function extension(oid: string, content: Buffer, critical?: 'critical'): Buffer {
  const flag = critical === undefined ? [] : [TRUE];
  return der(TAG.sequence, derOid(oid), ...flag, der(TAG.octetString, content));
}

function distinguishedName(commonName: string): Buffer {
  const name = der(TAG.utf8String, Buffer.from(commonName.slice(0, COMMON_NAME_CHARACTERS)));
  return der(TAG.sequence, der(TAG.set, der(TAG.sequence, derOid('2.5.4.3'), name)));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** RFC 7093 §2, method 4: any hash of the public key that is unique will do. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha256').update(publicKeyInfo(key)).digest().subarray(0, 20);
}
