/**
 * What compile is given: resources, what they refer to, what runs now, and the few functions a pure folder cannot
 * have itself.
 */

import type { IsthmusResource, Kind } from '../../crds/v1alpha1/kinds.ts';
import type { RelayConfig } from '../../relay/core/config.ts';
import type { Tombstone } from './tombstones.ts';

export type Resource = IsthmusResource;

/** A Secret or ConfigMap, `data` and `stringData` in one. */
export interface DataObject {
  readonly data: Readonly<Record<string, Uint8Array>>;
  readonly resourceVersion?: string | undefined;
}

/** `missing`: it is certain that there is none. `unknown`: it could not be read now, which proves nothing. */
export type LookupResult = DataObject | 'missing' | 'unknown';
export type Lookup = (namespace: string, name: string) => LookupResult;

/** A resource that exists and fails its schema: nothing comes of it, and what it seems to claim is held. */
export interface InvalidResource {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly creationTimestamp?: string | undefined;
  /** As it was written, of any shape. */
  readonly spec: unknown;
  readonly problems: readonly string[];
}

/** A fleet's configuration that is in force: it records who holds each name, and what has disappeared since. */
export interface RunningFleet {
  readonly namespace: string;
  readonly name: string;
  readonly config: RelayConfig;
}

export interface CertificateFacts {
  /** DNS names it is valid for, in lower case. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Equal to the fingerprint of the key it was made for. */
  readonly publicKey: string;
}

export interface KeyFacts {
  /** `rsa`, `ec`, `ed25519` … */
  readonly type: string;
  /** Modulus length; undefined for kinds of key that have none. */
  readonly bits: number | undefined;
  readonly publicKey: string;
}

export type Inspected<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Functions that need node:crypto and node:zlib. */
export interface Platform {
  /** SHA-256 in hex of the text's UTF-8. */
  hash(text: string): string;
  /**
   * Names a credential by its content. Keyed where others can read the name: a plain hash of a password is a riddle
   * for a dictionary.
   */
  credentialId(text: string): string;
  /** Refuses what would be larger than `limit` octets before it has unpacked it. */
  gunzip(bytes: Uint8Array, limit: number): Inspected<Uint8Array>;
  /** undefined when the octets are not UTF-8; a byte order mark is dropped. */
  decodeUtf8(bytes: Uint8Array): string | undefined;
  /** All certificates of a PEM text in their order, at least one. */
  inspectCertificates(pem: string): Inspected<readonly CertificateFacts[]>;
  inspectPrivateKey(pem: string): Inspected<KeyFacts>;
}

/** undefined: there are none yet. */
export type SigningKeys = (namespace: string, fleet: string) => readonly string[] | undefined;

/** Domains that only some namespaces may claim. */
export interface DomainPermission {
  /** `shared.example`, or `*.shared.example` for everything below it. */
  readonly match: string;
  readonly namespaces: readonly string[];
}

export interface CompileInput {
  /**
   * Valid by their schemas, defaults applied; at most one of each kind, namespace and name; their order means
   * nothing.
   */
  readonly resources: readonly Resource[];
  readonly invalid?: readonly InvalidResource[] | undefined;
  readonly secrets: Lookup;
  readonly configMaps: Lookup;
  readonly running?: readonly RunningFleet[] | undefined;
  readonly tombstones?: readonly Tombstone[] | undefined;
  /** Keys of trace fields for fleets that name no Secret with theirs; the first signs, the others are still believed. */
  readonly ownSigningKeys?: SigningKeys | undefined;
  /** Which namespaces may claim a shared domain; the first entry that matches counts. */
  readonly domains?: readonly DomainPermission[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly platform: Platform;
  /**
   * Read without a cluster: defaults stand in for a RelayFleet where there is none, and nothing waits for load
   * balancers.
   */
  readonly fromFiles?: boolean | undefined;
}
