/** What a fleet's objects are made from: the RelayFleet, the operator's settings, and a few facts of the cluster. */

import type { RelayFleetSpec } from '../../crds/v1alpha1/relay-fleet.ts';
import type { CompiledFleet } from '../compilation/compiler.ts';
import type { Settings } from '../settings.ts';

/** Enough of a RelayFleet to name it and to be owned by it. */
export interface FleetIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface ManifestInput {
  readonly fleet: FleetIdentity & { readonly spec: RelayFleetSpec };
  readonly settings: Settings;
  /** Where the operator's own pods run. */
  readonly operatorNamespace: string;
  /** Of this fleet's compilation. */
  readonly compiled: Pick<CompiledFleet, 'ports' | 'lameDuckSeconds' | 'drainSeconds'>;
  /** What is sent as the Deployment's spec.replicas; undefined: an autoscaler or somebody else owns the field. */
  readonly replicas: number | undefined;
  /** The cluster knows the kind ServiceMonitor. */
  readonly serviceMonitors: boolean;
  /** Of the Service that is there, in its order; default: there is none. */
  readonly serviceFamilies?: readonly string[];
  /** Addresses that pods of this cluster ask for names, beside pods that answer there; default: none is known. */
  readonly clusterResolvers?: readonly string[];
}

/** What is sent while nobody else owns spec.replicas and the RelayFleet names no number. */
export const DEFAULT_REPLICAS = 3;
