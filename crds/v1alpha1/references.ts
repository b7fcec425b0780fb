/** References to other objects. They never leave the namespace: a namespace is one trust domain. */

import { z } from 'zod';
import { withRules } from './rules.ts';

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';

/** The keys under which Secrets hold things when a resource does not say otherwise. */
export const SECRET_KEYS = {
  /** Certificate chain and private key, the keys of a `kubernetes.io/tls` Secret. */
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  /** PEM certificates of authorities; cert-manager and trust-manager write this key. */
  authorities: 'ca.crt',
  /** The keys of a `kubernetes.io/basic-auth` Secret. */
  username: 'username',
  password: 'password',
  dkim: 'private.key',
  /** Keys of the trace field: the one that signs, and one before it that is still believed. */
  signing: 'signing.key',
  previousSigning: 'previous.key',
} as const;

/** The fleet that a SharedDomain uses when it names none. */
export const DEFAULT_FLEET = 'default';

export function objectName(description: string) {
  return withRules(z.string().min(1).max(253).describe(description), {
    rule: `self.matches(r'^${SUBDOMAIN}$')`,
    message: 'must be the name of an object: letters in lower case, digits, hyphens and dots, as in metadata.name',
  });
}

export function objectKey(description: string) {
  return withRules(z.string().min(1).max(253).describe(description), {
    rule: "self.matches(r'^[-._a-zA-Z0-9]+$')",
    message: 'must be a key of the Secret or ConfigMap: letters, digits, hyphens, dots and underscores',
  });
}

export function reference(kind: string, description: string) {
  return z.object({ name: objectName(`Name of a ${kind} in the same namespace.`) }).describe(description);
}

export function secretRef(description: string) {
  return reference('Secret', description);
}

export function secretKeyRef(defaultKey: string, description: string) {
  return z
    .object({
      name: objectName('Name of a Secret in the same namespace.'),
      key: objectKey('The key of the Secret that holds it.').default(defaultKey),
    })
    .describe(description);
}

/** Without a default: the content can be of any name. */
export function keyRef(kind: 'ConfigMap' | 'Secret', description: string) {
  return z
    .object({
      name: objectName(`Name of a ${kind} in the same namespace.`),
      key: objectKey(`The key of the ${kind} that holds the table.`),
    })
    .describe(description);
}
