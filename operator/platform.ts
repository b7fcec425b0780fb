/** What compile needs of Node: hashes, gzip, UTF-8, certificates and keys. */

import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { CertificateFacts, Inspected, KeyFacts, Platform } from './compile/input.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * `credentialKey` must be secret and lasting where configurations are written down for others to read; in one process
 * it means nothing.
 */
export function nodePlatform(credentialKey = ''): Platform {
  return {
    hash: (text) => createHash('sha256').update(text, 'utf8').digest('hex'),
    credentialId: (text) => createHmac('sha256', credentialKey).update(text, 'utf8').digest('hex'),
    gunzip,
    decodeUtf8,
    inspectCertificates,
    inspectPrivateKey,
  };
}

function gunzip(bytes: Uint8Array, limit: number): Inspected<Uint8Array> {
  try {
    return { ok: true, value: gunzipSync(bytes, { maxOutputLength: limit }) };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const tooLarge = code === 'ERR_BUFFER_TOO_LARGE';
    return { ok: false, reason: tooLarge ? `unpacks to more than ${limit} octets` : 'is no complete gzip file' };
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function inspectCertificates(pem: string): Inspected<readonly CertificateFacts[]> {
  const blocks = pem.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) return { ok: false, reason: 'holds no PEM certificate' };
  const facts: CertificateFacts[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      facts.push(certificateFacts(new X509Certificate(block)));
    } catch {
      return { ok: false, reason: `holds a certificate (number ${index + 1}) that cannot be read` };
    }
  }
  return { ok: true, value: facts };
}

function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:'))
    .map((entry) => entry.slice('DNS:'.length).toLowerCase());
  return {
    names,
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    publicKey: fingerprint(certificate.publicKey),
  };
}

function inspectPrivateKey(pem: string): Inspected<KeyFacts> {
  try {
    const key = createPrivateKey(pem);
    return {
      ok: true,
      value: {
        type: key.asymmetricKeyType ?? 'unknown',
        bits: key.asymmetricKeyDetails?.modulusLength,
        publicKey: fingerprint(createPublicKey(key)),
      },
    };
  } catch {
    return { ok: false, reason: 'holds no PEM private key that can be read without a passphrase' };
  }
}

function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
