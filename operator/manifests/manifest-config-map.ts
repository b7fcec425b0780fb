/** The ConfigMap that says which revisions a fleet's slots hold. */

import { MANIFEST_FILE, type Manifest } from '../../relay/core/manifest.ts';
import type { KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { manifestName } from './names.ts';

/** `resourceVersion`: the one last read, so that a write after another is refused; undefined: none is there yet. */
export function manifestConfigMap(
  fleet: FleetIdentity,
  manifest: Manifest,
  resourceVersion: string | undefined,
): KubeObject {
  const metadata = ownedMetadata(fleet, manifestName(fleet.name, manifest.format), 'manifest');
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: resourceVersion === undefined ? metadata : { ...metadata, resourceVersion },
    data: { [MANIFEST_FILE]: JSON.stringify(manifest) },
  };
}
