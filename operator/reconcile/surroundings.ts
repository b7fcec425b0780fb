/** What every part of the reconciler is given: the cluster, the compiler, the clock, and leave to write. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { Compiler } from '../compilation/compiler.ts';
import type { Api } from '../kube/api.ts';
import type { Log } from '../log.ts';
import type { PodReport, RelayPod } from '../rollout/pods.ts';
import type { Settings } from '../settings.ts';
import type { World } from './world.ts';

/** The resource that an event is about. */
export interface Regarding {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
}

export interface Surroundings {
  readonly api: Api;
  readonly world: World;
  readonly compiler: Compiler;
  readonly settings: Settings;
  readonly operatorNamespace: string;
  /** Addresses that pods of this cluster ask for names; default: none is known. */
  readonly clusterResolvers?: readonly string[];
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Throws when this process may not write any more. */
  readonly assertLeader: () => void;
  readonly askPods: (pods: readonly RelayPod[]) => Promise<ReadonlyMap<string, PodReport>>;
  readonly event: (regarding: Regarding, type: 'Normal' | 'Warning', reason: string, message: string) => void;
}
