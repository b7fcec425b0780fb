/** The certificate of a fleet that names none: self-signed, for its host name, renewed long before its end. */

import { X509Certificate } from 'node:crypto';
import { makeSelfSigned } from '../../relay/tls/self-signed.ts';

export interface OwnCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

// A promise, because a key of another kind would take seconds: nobody may count on having it at once.
export async function ownCertificate(hostname: string, now: Date): Promise<OwnCertificate> {
  return makeSelfSigned(hostname, now);
}

/** What is kept cannot be read, is for another name, or has less than a third of its life left, as cert-manager has it. */
export function isDue(certificate: string, hostname: string, now: Date): boolean {
  const read = readCertificate(certificate);
  if (read === undefined || read.checkHost(hostname, { subject: 'never' }) === undefined) return true;
  const [begin, end] = [read.validFromDate.getTime(), read.validToDate.getTime()];
  return now.getTime() < begin || end - now.getTime() < (end - begin) / 3;
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // Somebody has written something else there: it is made again.
    return undefined;
  }
}
