/** The authorities a chain may end at: given as PEM, or Node's bundled roots; found by subject. */

import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { type Read, readCertificates } from './pem.ts';

export interface TrustAnchors {
  bySubject(subject: string): readonly X509Certificate[];
  /** The very certificate is trusted itself. */
  includes(certificate: X509Certificate): boolean;
}

/** Each is a few kilobytes; there are about as many as tenants. */
const REMEMBERED = 200;
const remembered = new Map<string, Read<TrustAnchors>>();
let bundled: TrustAnchors | undefined;

/** `ca` undefined: the bundled roots, read when they are first needed: 150 certificates take some milliseconds. */
export function trustAnchors(ca: string | undefined): Read<TrustAnchors> {
  if (ca === undefined) {
    bundled ??= index(rootCertificates.map((pem) => new X509Certificate(pem)));
    return { ok: true, value: bundled };
  }
  const known = remembered.get(ca);
  if (known !== undefined) return known;
  const certificates = readCertificates(ca);
  const anchors = certificates.ok ? { ok: true as const, value: index(certificates.value) } : certificates;
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(ca, anchors);
  return anchors;
}

function index(certificates: readonly X509Certificate[]): TrustAnchors {
  const bySubject = Map.groupBy(certificates, (certificate) => certificate.subject);
  const fingerprints = new Set(certificates.map((certificate) => certificate.fingerprint256));
  return {
    bySubject: (subject) => bySubject.get(subject) ?? [],
    includes: (certificate) => fingerprints.has(certificate.fingerprint256),
  };
}
