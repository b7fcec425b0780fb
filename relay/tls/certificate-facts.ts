/** What Node does not tell about an X.509 certificate: its extensions, names and limits (RFC 5280 §4.2). */

import type { X509Certificate } from 'node:crypto';
import { type DerValue, readInside, readOid, readValues, TAG } from './der.ts';

export interface CertificateFacts {
  /** undefined: no basic constraints at all. */
  readonly authority: boolean | undefined;
  /** How many further authorities may follow below it; undefined: any number. */
  readonly pathLength: number | undefined;
  /** undefined: may sign certificates as far as key usage goes. */
  readonly signsCertificates: boolean | undefined;
  /** Object identifiers of extended key usage; undefined: any purpose. */
  readonly purposes: readonly string[] | undefined;
  /** Lower-case DNS names of the subject alternative name; undefined: no such extension. */
  readonly dnsNames: readonly string[] | undefined;
  /** Critical extensions nobody here understands, and constraints nobody here checks. */
  readonly notUnderstood: readonly string[];
}

const OID = {
  subjectAlternativeName: '2.5.29.17',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
} as const;

/** Policies are looked at by nobody who does not ask for one: OpenSSL's own default. */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
/** RFC 5280 §4.2.1.3: the sixth bit. */
const KEY_CERT_SIGN = 0x04;

/** Throws on a certificate that is not DER; OpenSSL has read it before. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const extensions = readExtensions(certificate.raw);
  const basic = extensions.get(OID.basicConstraints)?.value;
  const constraints = basic === undefined ? undefined : readInside(basic);
  const pathLength = constraints?.find((value) => value.tag === TAG.integer);
  const usage = extensions.get(OID.keyUsage)?.value;
  const purposes = extensions.get(OID.extendedKeyUsage)?.value;
  const names = extensions.get(OID.subjectAlternativeName)?.value;
  return {
    authority: constraints?.some((value) => value.tag === TAG.boolean && value.content[0] !== 0),
    pathLength:
      pathLength === undefined ? undefined : pathLength.content.readUIntBE(0, Math.min(6, pathLength.content.length)),
    signsCertificates:
      usage === undefined ? undefined : ((readValues(usage)[0]?.content[1] ?? 0) & KEY_CERT_SIGN) !== 0,
    purposes: purposes === undefined ? undefined : readInside(purposes).map((value) => readOid(value.content)),
    dnsNames: names === undefined ? undefined : readInside(names).flatMap(dnsName),
    notUnderstood: [...extensions]
      .filter(([oid, { critical }]) => oid === OID.nameConstraints || (critical && !UNDERSTOOD.has(oid)))
      .map(([oid]) => oid),
  };
}

function dnsName(value: DerValue): string[] {
  return value.tag === DNS_NAME ? [value.content.toString('latin1').toLowerCase()] : [];
}

function readExtensions(certificate: Buffer): Map<string, { critical: boolean; value: Buffer }> {
  const found = new Map<string, { critical: boolean; value: Buffer }>();
  const [toBeSigned] = readInside(certificate);
  const list = readValues(toBeSigned?.content ?? Buffer.alloc(0)).find((value) => value.tag === EXTENSIONS);
  for (const extension of list === undefined ? [] : readInside(list.content)) {
    const parts = readValues(extension.content);
    const oid = parts.find((part) => part.tag === TAG.oid);
    const value = parts.find((part) => part.tag === TAG.octetString);
    if (oid === undefined || value === undefined) continue;
    const critical = parts.some((part) => part.tag === TAG.boolean && part.content[0] !== 0);
    found.set(readOid(oid.content), { critical, value: value.content });
  }
  return found;
}
