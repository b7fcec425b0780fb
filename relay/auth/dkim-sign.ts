/** Signs messages with DKIM, RSA and SHA-256 (RFC 6376), for the shared domain that their From is in. */

import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Credentials, SharedDomainConfig } from '../core/config.ts';
import { prepareSignature, shouldSign } from '../core/dkim-fields.ts';
import type { Header } from '../core/header.ts';
import type { Body } from '../core/message.ts';

/** The DKIM-Signature field with its CRLF, to go above the header. */
export type Signer = (header: Header, relaxedBodyHash: Uint8Array) => Promise<string>;

export interface SignerIdentity {
  /** A-labels. */
  readonly domain: string;
  readonly selector: string;
}

export type SignerResult =
  | { readonly ok: true; readonly signer: Signer }
  | { readonly ok: false; readonly reason: string };

/** RFC 8301 §3.2: shorter keys must not be relied on; receivers see them as no signature at all. */
const LEAST_BITS = 2048;

/** In the thread pool: an RSA signature takes 0.35 ms, which everybody else on the event loop would wait for. */
const signInBackground = promisify(sign);

/** Reads the key once. `now` gives the time for `t=`; without it the tag is left out. */
export function createSigner(keyPem: string, identity: SignerIdentity, now?: () => Date): SignerResult {
  const key = readKey(keyPem);
  if (typeof key === 'string') return { ok: false, reason: key };
  return {
    ok: true,
    signer: async (header, bodyHash) => {
      const timestamp = now === undefined ? undefined : now().getTime() / 1000;
      const prepared = prepareSignature({ header, ...identity, bodyHash, timestamp });
      return prepared.field(await signInBackground('sha256', prepared.data, key));
    },
  };
}

function readKey(keyPem: string): KeyObject | string {
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch {
    // OpenSSL's own words ("DECODER routines::unsupported") help nobody, and might quote the key.
    return 'the private key is no unencrypted PEM text (PKCS #1 or PKCS #8)';
  }
  if (key.asymmetricKeyType !== 'rsa') {
    return `the private key is of type ${key.asymmetricKeyType}; DKIM with rsa-sha256 needs an RSA key`;
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < LEAST_BITS) return `the private key has ${bits} bits; receivers take RSA keys of ${LEAST_BITS} or more`;
  return key;
}

export interface DomainSigners {
  /** All fields that a message gets: one a key of the shared domain its single From belongs to, or none. */
  sign(header: Header, body: Body): Promise<string>;
  /** Keys that cannot sign, and why; the others do. */
  readonly problems: readonly string[];
}

export function createDomainSigners(
  sharedDomains: readonly Pick<SharedDomainConfig, 'domain' | 'dkim'>[],
  credentials: Credentials,
  now?: () => Date,
): DomainSigners {
  const problems: string[] = [];
  const signers: { readonly domain: string; readonly signer: Signer }[] = [];
  for (const { domain, dkim } of sharedDomains) {
    for (const { selector, key } of dkim) {
      const made = createSigner(credentials.get(key) ?? '', { domain, selector }, now);
      if (made.ok) signers.push({ domain, signer: made.signer });
      else problems.push(`${selector}._domainkey.${domain}: ${made.reason}`);
    }
  }
  const domains = new Set(signers.map(({ domain }) => domain));
  return {
    problems,
    sign: async (header, body) => {
      const author = [...domains].find((domain) => shouldSign(header, domain));
      if (author === undefined) return '';
      const bodyHash = await body.relaxedHash();
      const fields = signers.filter(({ domain }) => domain === author).map(({ signer }) => signer(header, bodyHash));
      return (await Promise.all(fields)).join('');
    },
  };
}
