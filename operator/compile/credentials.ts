/** Reads what Secrets hold and gives it a name made from its content; no byte of a Secret is ever part of a message. */

import { SECRET_KEYS } from '../../crds/v1alpha1/references.ts';
import { utf8Octets } from '../../relay/core/octets.ts';
import type { Report, UnresolvedReason } from './conditions.ts';
import type { CertificateFacts, DataObject, Inspected, Lookup, Platform } from './input.ts';

/** RFC 8301 §3.2: signers should use at least 2048 bits. */
const DKIM_BITS = 2048;
/** RFC 4954 §4: neither name nor password can hold NUL; line ends are what `echo` adds by accident. */
const LINE_END_OR_NUL = /[\0\r\n]/;
/** Of an HMAC with SHA-256: RFC 2104 §3 discourages keys shorter than the hash. */
export const SIGNING_KEY_OCTETS = 32;

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly reason: UnresolvedReason;
      readonly message: string;
      readonly missing?: 'Secret' | 'ConfigMap';
    };

export interface KeyReference {
  readonly name: string;
  readonly key: string;
}

export interface TlsPair {
  readonly certificate: string;
  readonly key: string;
  readonly facts: CertificateFacts;
}

/** Says in a resource's report why something could not be read, and gives the value when it could. */
export function take<T>(report: Report, path: string, read: Read<T>): T | undefined {
  if (read.ok) return read.value;
  report.unresolved(read.reason, read.message, { path, missing: read.missing });
  return undefined;
}

/** Finds an object and one key of it. */
export function readKey(
  kind: 'Secret' | 'ConfigMap',
  lookup: Lookup,
  namespace: string,
  reference: KeyReference,
): Read<{ readonly bytes: Uint8Array; readonly object: DataObject }> {
  const { name, key } = reference;
  const object = lookup(namespace, name);
  if (object === 'missing') {
    return {
      ok: false,
      reason: 'NotFound',
      message: `${kind} "${name}" does not exist in namespace "${namespace}"; create it with the key "${key}".`,
      missing: kind,
    };
  }
  if (object === 'unknown') {
    return { ok: false, reason: 'Unknown', message: `${kind} "${name}" could not be read now; it is tried again.` };
  }
  const bytes = Object.hasOwn(object.data, key) ? object.data[key] : undefined;
  if (bytes === undefined) {
    const message = `${kind} "${name}" has no key "${key}"; add it, or name the key that holds the content.`;
    return { ok: false, reason: 'KeyNotFound', message };
  }
  return { ok: true, value: { bytes, object } };
}

/** The Secrets of one fleet: everything read is kept under its id. */
export class SecretReader {
  readonly credentials = new Map<string, string>();
  readonly #namespace: string;
  readonly #secrets: Lookup;
  readonly #platform: Platform;

  constructor(namespace: string, secrets: Lookup, platform: Platform) {
    this.#namespace = namespace;
    this.#secrets = secrets;
    this.#platform = platform;
  }

  /** PEM certificates of authorities. */
  authorities(reference: KeyReference): Read<string> {
    const text = this.#text(reference);
    if (!text.ok) return text;
    const inspected = this.#platform.inspectCertificates(text.value);
    return inspected.ok ? this.#keep(text.value) : unusable(reference, inspected);
  }

  /** A `kubernetes.io/tls` Secret whose key belongs to its first certificate. */
  tlsPair(name: string): Read<TlsPair> {
    const certificateAt = { name, key: SECRET_KEYS.certificate };
    const keyAt = { name, key: SECRET_KEYS.privateKey };
    const certificate = this.#text(certificateAt);
    if (!certificate.ok) return certificate;
    const key = this.#text(keyAt);
    if (!key.ok) return key;
    const chain = this.#platform.inspectCertificates(certificate.value);
    if (!chain.ok) return unusable(certificateAt, chain);
    const facts = chain.value[0];
    if (facts === undefined) return unusable(certificateAt, { ok: false, reason: 'holds no PEM certificate' });
    const inspected = this.#platform.inspectPrivateKey(key.value);
    if (!inspected.ok) return unusable(keyAt, inspected);
    if (inspected.value.publicKey !== facts.publicKey) {
      return unusable(keyAt, {
        ok: false,
        reason: `does not belong to the first certificate in "${certificateAt.key}"`,
      });
    }
    return {
      ok: true,
      value: { certificate: this.#store(certificate.value), key: this.#store(key.value), facts },
    };
  }

  /** A private key that may sign (RFC 6376 §3.3, RFC 8301). */
  dkimKey(reference: KeyReference): Read<string> {
    const text = this.#text(reference);
    if (!text.ok) return text;
    const inspected = this.#platform.inspectPrivateKey(text.value);
    if (!inspected.ok) return unusable(reference, inspected);
    const { type, bits = 0 } = inspected.value;
    if (type !== 'rsa') return unusable(reference, { ok: false, reason: `holds a key of type ${type}; RSA is needed` });
    if (bits < DKIM_BITS) {
      const reason = `holds an RSA key of ${bits} bits; ${DKIM_BITS} or more are needed`;
      return unusable(reference, { ok: false, reason });
    }
    return this.#keep(text.value);
  }

  /** User name and password, as in a `kubernetes.io/basic-auth` Secret. */
  login(name: string): Read<{ readonly username: string; readonly password: string }> {
    const username = this.#word({ name, key: SECRET_KEYS.username });
    if (!username.ok) return username;
    const password = this.#word({ name, key: SECRET_KEYS.password });
    if (!password.ok) return password;
    return { ok: true, value: { username: username.value, password: password.value } };
  }

  /** Keeps what does not come from a Secret. */
  keep(text: string): string {
    return this.#store(text);
  }

  /** `openssl rand -hex 32 > signing.key` ends with a line end that nobody means. */
  signingKey(reference: KeyReference): Read<string> {
    const text = this.#text(reference);
    if (!text.ok) return text;
    const key = text.value.trim();
    if (utf8Octets(key).length >= SIGNING_KEY_OCTETS) return this.#keep(key);
    const reason = `holds fewer than ${SIGNING_KEY_OCTETS} octets; write a random text, such as openssl rand -hex 32`;
    return unusable(reference, { ok: false, reason });
  }

  #word(reference: KeyReference): Read<string> {
    const text = this.#text(reference);
    if (!text.ok) return text;
    if (text.value === '') return unusable(reference, { ok: false, reason: 'is empty' });
    if (LINE_END_OR_NUL.test(text.value)) {
      return unusable(reference, { ok: false, reason: 'holds a line end or NUL; write it without (printf, not echo)' });
    }
    return this.#keep(text.value);
  }

  #text(reference: KeyReference): Read<string> {
    const read = readKey('Secret', this.#secrets, this.#namespace, reference);
    if (!read.ok) return read;
    const text = this.#platform.decodeUtf8(read.value.bytes);
    return text === undefined
      ? unusable(reference, { ok: false, reason: 'is not text in UTF-8' })
      : { ok: true, value: text };
  }

  #keep(text: string): Read<string> {
    return { ok: true, value: this.#store(text) };
  }

  #store(text: string): string {
    const id = this.#platform.credentialId(text);
    this.credentials.set(id, text);
    return id;
  }
}

function unusable(reference: KeyReference, inspected: Extract<Inspected<unknown>, { ok: false }>): Read<never> {
  const message = `Secret "${reference.name}", key "${reference.key}": it ${inspected.reason}.`;
  return { ok: false, reason: 'InvalidContent', message };
}
