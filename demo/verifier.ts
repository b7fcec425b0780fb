/** Checks DKIM signatures with mailauth, which shares no code with the relay; keys come from a table in place of DNS. */

import { dkimVerify } from 'mailauth/lib/dkim/verify.js';

export interface Signature {
  readonly domain: string;
  /** `pass`, `fail`, `neutral` … (RFC 8601 §2.7.1). */
  readonly result: string;
}

export type Verifier = (message: Buffer) => Promise<Signature[]>;

/** Public keys by the name of their DNS record, such as `isthmus._domainkey.shared.example`. */
export type PublicKeys = Readonly<Record<string, string>>;

export function createVerifier(keys: PublicKeys): Verifier {
  const resolver = async (name: string) => {
    const key = keys[name];
    if (key === undefined) throw Object.assign(new Error(`no key at ${name}`), { code: 'ENOTFOUND' });
    return [[`v=DKIM1; k=rsa; p=${key}`]];
  };
  return async (message) => {
    const { results } = await dkimVerify(message, { resolver });
    // A message without any signature has one result, "none", without a domain.
    return results.flatMap(({ signingDomain, status }) =>
      typeof signingDomain === 'string' ? [{ domain: signingDomain, result: status.result }] : [],
    );
  };
}
