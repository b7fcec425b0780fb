/** Everything the operator reads and writes in the cluster, by its names there. */

import { type Kind, KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import type { KubeObject, ResourceType } from '../kube/api.ts';
import { WORKLOAD_TYPES } from '../manifests/object-set.ts';

const ours = (kind: Kind): ResourceType => ({ apiVersion: API_VERSION, kind, plural: SCHEMAS[kind].plural });
const type = (apiVersion: string, kind: string, plural: string): ResourceType => ({ apiVersion, kind, plural });

export const RESOURCES: Readonly<Record<Kind, ResourceType>> = {
  RelayFleet: ours('RelayFleet'),
  SharedDomain: ours('SharedDomain'),
  TenantRoute: ours('TenantRoute'),
  RewriteRule: ours('RewriteRule'),
};

export const SECRET = type('v1', 'Secret', 'secrets');
export const CONFIG_MAP = type('v1', 'ConfigMap', 'configmaps');
export const POD = type('v1', 'Pod', 'pods');

/** What a fleet is made of besides Secrets and ConfigMaps, and what every cluster knows: each is watched. */
export const WATCHED_WORKLOAD: readonly ResourceType[] = Object.values(WORKLOAD_TYPES).filter(
  (each) => each !== WORKLOAD_TYPES.ServiceMonitor,
);

/** Throws for an object that the operator has no business with. */
export function typeOf({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): ResourceType {
  const known = [...Object.values(WORKLOAD_TYPES), SECRET, CONFIG_MAP, ...KINDS.map((each) => RESOURCES[each])];
  const found = known.find((each) => each.kind === kind && each.apiVersion === apiVersion);
  if (found === undefined) throw new Error(`the operator does not write ${apiVersion} ${kind}`);
  return found;
}

export const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;
