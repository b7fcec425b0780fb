/** What compiling looks like to the main thread: objects in, pieces, statuses and findings out. The work is a thread's. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { DomainPermission, InvalidResource, LookupResult, Resource } from '../compile/input.ts';
import type { Finding, ResourceStatus } from '../compile/result.ts';

export type Change =
  | { readonly type: 'resource'; readonly resource: Resource }
  | { readonly type: 'invalid'; readonly invalid: InvalidResource }
  | { readonly type: 'gone'; readonly kind: Kind; readonly namespace: string; readonly name: string }
  /** A Secret or ConfigMap that a resource refers to; `missing` and `unknown` as compile means them. */
  | {
      readonly type: 'data';
      readonly kind: 'Secret' | 'ConfigMap';
      readonly namespace: string;
      readonly name: string;
      readonly found: LookupResult;
    }
  /** Of a fleet that names no Secret with its keys: the one that signs, then those that are still believed. */
  | {
      readonly type: 'signingKeys';
      readonly namespace: string;
      readonly fleet: string;
      readonly keys: readonly string[];
    };

/** A stored piece of configuration. */
export interface Piece {
  /** `07` a ConfigMap slot, `s07` a Secret slot. */
  readonly slot: string;
  /** SHA-256 of the octets in hex. */
  readonly key: string;
  readonly bytes: Uint8Array;
}

export interface CompiledFleet {
  readonly namespace: string;
  readonly name: string;
  /** Nothing of it may be applied. */
  readonly paused: boolean;
  readonly revision: string;
  /**
   * Every piece of the revision. Octets are the same object from one compilation to the next while a piece does not
   * change.
   */
  readonly pieces: readonly Piece[];
  /** Tombstones as pieces. */
  readonly memory: readonly Piece[];
  /** `TenantRoute/tenant1` → hash of what became of it, for each resource that is in force, the fleet's own included. */
  readonly parts: ReadonlyMap<string, string>;
  /** References that could not be read now: the configuration before is kept while there are any. */
  readonly unknown: readonly string[];
  /** What it does not fit into; undefined: it fits. Then there are no pieces. */
  readonly tooLarge: string | undefined;
  /** Names that the fleet's own certificate should cover: its host name. */
  readonly hostname: string;
  readonly ports: {
    /** TCP ports of next hops and smart host, sorted, each once; 25 when there is one by MX. */
    readonly nextHops: readonly number[];
  };
  readonly lameDuckSeconds: number;
  readonly drainSeconds: number;
}

export interface Compilation {
  readonly fleets: readonly CompiledFleet[];
  readonly statuses: readonly ResourceStatus[];
  readonly findings: readonly Finding[];
}

/** What was read back of a fleet at the start. */
export interface StoredFleet {
  readonly namespace: string;
  readonly name: string;
  /** Of the proven revision. */
  readonly revision: string;
  readonly pieces: readonly Uint8Array[];
  readonly memory: readonly Uint8Array[];
}

export type Restored =
  /** As in CompiledFleet, of what is stored. */
  ({ readonly ok: true } & Pick<CompiledFleet, 'parts' | 'ports'>) | { readonly ok: false; readonly reason: string };

/** What is not known proves nothing: nothing comes of it, and everything else is compiled. */
export interface NotKnown {
  /** Of which not everything has been seen. */
  readonly namespaces: readonly string[];
  /** Of which it is not known what ran before: who holds their names is not known either. */
  readonly fleets: readonly { readonly namespace: string; readonly name: string }[];
}

export interface CompilerOptions {
  /** Hides the content of credentials in their names: secret, and the same for as long as configurations are kept. */
  readonly credentialKey: string;
  /** The operator's setting. */
  readonly domains: readonly DomainPermission[];
}

/**
 * When its thread dies every promise that waits is rejected with the cause, and so is every later one: whoever
 * started it starts another, and tells that one everything again.
 */
export interface Compiler {
  /** Changes since the last call; the last of an object counts. */
  update(changes: readonly Change[]): void;
  /** A fleet may be compiled only after what it runs has been restored, which says who holds each name; see NotKnown. */
  restore(stored: StoredFleet): Promise<Restored>;
  /** What nobody has told it of a Secret or ConfigMap is unknown. `now`: milliseconds since 1970. */
  compile(now: number, notKnown?: NotKnown): Promise<Compilation>;
  /**
   * That revision, the last or an earlier one of compile(), is proven: from now on it says who holds each name.
   * Nothing changes for one that compile() never gave, or that is in force already.
   */
  inForce(namespace: string, fleet: string, revision: string): void;
  close(): Promise<void>;
}
