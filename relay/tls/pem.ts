/** Reads certificates and keys out of PEM texts, and says in plain words what is in them instead. */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const CERTIFICATE_BLOCK =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const LABEL = /-----BEGIN ([A-Z0-9 ]+)-----/;

/** All certificates of the text in their order; at least one. */
export function readCertificates(text: string): Read<readonly [X509Certificate, ...X509Certificate[]]> {
  const blocks = text.match(CERTIFICATE_BLOCK) ?? [];
  const certificates: X509Certificate[] = [];
  for (const [at, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      return refuse(`certificate ${at + 1} of the certificate file is damaged`);
    }
  }
  const [first, ...others] = certificates;
  if (first !== undefined) return { ok: true, value: [first, ...others] };
  return refuse(`the certificate file ${whatElse(text, 'certificate')}`);
}

export function readPrivateKey(text: string): Read<KeyObject> {
  const label = LABEL.exec(text)?.[1];
  if (label === undefined || !/PRIVATE KEY|EC PARAMETERS/.test(label)) {
    return refuse(`the key file ${whatElse(text, 'private key')}`);
  }
  if (/ENCRYPTED/.test(text)) {
    return refuse('the key is encrypted; store it without a passphrase: openssl pkey -in KEY -out PLAIN-KEY');
  }
  try {
    return { ok: true, value: createPrivateKey(text) };
  } catch {
    return refuse('the private key is damaged, or of a kind that OpenSSL does not know');
  }
}

function whatElse(text: string, wanted: string): string {
  if (text.trim() === '') return 'is empty';
  const label = LABEL.exec(text)?.[1];
  if (label === undefined) {
    return text.includes('-----BEGIN')
      ? `holds a damaged ${wanted}`
      : `is not PEM: it must contain a "-----BEGIN ...-----" line followed by the ${wanted}`;
  }
  if (label.endsWith('CERTIFICATE')) return `holds a damaged or misplaced certificate instead of a ${wanted}`;
  return `holds a ${label.toLowerCase()} instead of a ${wanted}`;
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
