/** The certificate shown to clients: checked before it is used, replaced while sessions go on with the one they have. */

import { constants, type X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { readCertificates, readPrivateKey } from './pem.ts';

export interface ServerIdentity {
  /** PEM: the server's own certificate first, then the intermediate ones. */
  readonly certificate: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

export interface ServerTlsContexts {
  readonly plain: SecureContext;
  /** For clients that are asked for a certificate. */
  readonly asking: SecureContext;
}

/** What a front needs to know of TLS: contexts for the next handshake. */
export interface ServerTls {
  /** undefined: no certificate, so STARTTLS is not offered. */
  current(): ServerTlsContexts | undefined;
}

export type IdentityCheck =
  /** Warnings are for the log and the status: the certificate is used nevertheless. */
  | { readonly ok: true; readonly warnings: readonly string[]; readonly expires: Date }
  | { readonly ok: false; readonly reason: string };

/** Renewal robots act at 30 days: with two weeks left, something is wrong. */
const EXPIRES_SOON_MS = 14 * 24 * 3_600_000;
/** Any constant: without one OpenSSL breaks off a handshake that resumes a session of a server that asks for certificates. */
const SESSION_ID_CONTEXT = 'isthmus';

export class ServerContext implements ServerTls {
  #contexts: ServerTlsContexts | undefined;

  current(): ServerTlsContexts | undefined {
    return this.#contexts;
  }

  /** Takes effect with the next handshake. After a refusal the last good identity stays in force. */
  use(identity: ServerIdentity, minVersion: 'TLSv1.2' | 'TLSv1.3', now: Date): IdentityCheck {
    const check = checkIdentity(identity, now);
    if (!check.ok) return check;
    const options: SecureContextOptions = {
      cert: identity.certificate,
      key: identity.key,
      minVersion,
      sessionIdContext: SESSION_ID_CONTEXT,
    };
    try {
      const plain = createSecureContext(options);
      // A resumed session shows the client's certificate without the chain that vouched for it: these never resume.
      const asking = createSecureContext({ ...options, secureOptions: constants.SSL_OP_NO_TICKET });
      this.#contexts = { plain, asking };
    } catch (error) {
      return { ok: false, reason: `OpenSSL cannot use it: ${(error as Error).message}` };
    }
    return check;
  }
}

/** Says what is wrong with a certificate or its key, and what to do about it. */
export function checkIdentity(identity: ServerIdentity, now: Date): IdentityCheck {
  const chain = readCertificates(identity.certificate);
  if (!chain.ok) return chain;
  const key = readPrivateKey(identity.key);
  if (!key.ok) return key;
  const fits = chain.value.findIndex((certificate) => certificate.checkPrivateKey(key.value));
  if (fits < 0)
    return { ok: false, reason: 'the key does not belong to the certificate: both must come from one request' };
  if (fits > 0) {
    return {
      ok: false,
      reason: `the key belongs to certificate ${fits + 1} of the file: the server's own must come first`,
    };
  }
  return { ok: true, warnings: warnAbout(chain.value, now), expires: chain.value[0].validToDate };
}

function warnAbout(chain: readonly X509Certificate[], now: Date): string[] {
  return chain.flatMap((certificate, at) => {
    const name = at === 0 ? 'the certificate' : `certificate ${at + 1} of the file`;
    const warnings: string[] = [];
    const left = certificate.validToDate.getTime() - now.getTime();
    const until = certificate.validToDate.toISOString();
    if (left < 0) warnings.push(`${name} expired at ${until}: clients that verify it will not deliver`);
    else if (left < EXPIRES_SOON_MS) warnings.push(`${name} expires at ${until}`);
    if (certificate.validFromDate > now)
      warnings.push(`${name} is not valid before ${certificate.validFromDate.toISOString()}`);
    const issuer = chain[at + 1];
    if (issuer !== undefined && !certificate.checkIssued(issuer)) {
      warnings.push(
        `certificate ${at + 2} of the file did not issue certificate ${at + 1}: clients may not find the chain`,
      );
    }
    return warnings;
  });
}
