/** What the main thread and the compiling thread tell each other: only what has changed crosses the border. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { PieceReference } from '../../relay/core/manifest.ts';
import type { Finding, ResourceStatus } from '../compile/result.ts';
import type { Change, CompiledFleet, NotKnown, Restored, StoredFleet } from './compiler.ts';

export type ToThread =
  | { readonly type: 'update'; readonly changes: readonly Change[] }
  | { readonly type: 'restore'; readonly id: number; readonly stored: StoredFleet }
  | { readonly type: 'compile'; readonly id: number; readonly now: number; readonly notKnown: NotKnown | undefined }
  | { readonly type: 'inForce'; readonly namespace: string; readonly fleet: string; readonly revision: string };

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'restored'; readonly id: number; readonly restored: Restored }
  /** Before `compiled`, in messages small enough that none of them keeps the main thread long. */
  | { readonly type: 'octets'; readonly octets: readonly (readonly [key: string, bytes: Uint8Array])[] }
  | { readonly type: 'outcomes'; readonly outcomes: readonly (readonly [key: string, outcome: Outcome])[] }
  | { readonly type: 'compiled'; readonly id: number; readonly delta: CompilationDelta };

/** What was said of one resource. */
export interface Outcome {
  /** None for a fleet that no resource stands behind. */
  readonly status: ResourceStatus | undefined;
  readonly findings: readonly Finding[];
}

export interface CompilationDelta {
  readonly fleets: readonly FleetDelta[];
  /** Keys of all outcomes in their order; undefined: as before. */
  readonly order: readonly string[] | undefined;
}

export interface FleetDelta extends Omit<CompiledFleet, 'pieces' | 'memory' | 'parts'> {
  readonly pieces: readonly PieceReference[];
  readonly memory: readonly PieceReference[];
  readonly parts: MapDelta;
}

export interface MapDelta {
  readonly set: readonly (readonly [key: string, value: string])[];
  readonly gone: readonly string[];
}

export function outcomeKey({
  kind,
  namespace,
  name,
}: {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}): string {
  return `${kind} ${namespace}/${name}`;
}

export function fleetKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
