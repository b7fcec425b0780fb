/** What compile gives back: a configuration per fleet, and what every resource should be told. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { Credentials, RelayConfig } from '../../relay/core/config.ts';
import type { CompiledCondition, FindingReason } from './conditions.ts';
import type { Tombstone } from './tombstones.ts';

export interface FleetResult {
  readonly namespace: string;
  readonly name: string;
  /** Nothing of it may be applied. */
  readonly paused: boolean;
  readonly config: RelayConfig;
  readonly credentials: Credentials;
  /** Names of the rules, in force or left out, that take rows from Secrets. */
  readonly confidentialRules: ReadonlySet<string>;
  /** References that could not be read now. Whoever runs an earlier configuration keeps it while there are any. */
  readonly unknown: readonly string[];
}

export interface TableSource {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly resourceVersion: string | undefined;
}

export interface ResourceStatus {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly conditions: readonly CompiledCondition[];
  /** RewriteRule. */
  readonly entries?: number;
  readonly rejectedEntries?: number;
  readonly sources?: readonly TableSource[];
  /** SharedDomain. */
  readonly tenantCount?: number;
  readonly addressCount?: number;
}

/** error: something is not in force. warning: it works, and somebody should look. note: good to know. */
export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  readonly severity: Severity;
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** Field of the resource, `spec.domains[1]`. */
  readonly path: string | undefined;
  readonly reason: FindingReason;
  /** The object that is not there: a repository of manifests seldom holds its Secrets. */
  readonly missing: 'Secret' | 'ConfigMap' | undefined;
  readonly message: string;
}

export interface CompileResult {
  readonly fleets: readonly FleetResult[];
  readonly statuses: readonly ResourceStatus[];
  readonly findings: readonly Finding[];
  /** To be kept and given again: those of before that have not expired, and one for whatever has disappeared. */
  readonly tombstones: readonly Tombstone[];
}
