/** A ConfigMap that holds pieces of a fleet's configuration. */

import type { KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { slotName } from './names.ts';

/**
 * `slot`: `07`. `files`: piece key → base64. Never immutable: such an object must be made anew to change, which the
 * kubelet takes long to see.
 */
export function configSlot(fleet: FleetIdentity, slot: string, files: Readonly<Record<string, string>>): KubeObject {
  const metadata = ownedMetadata(fleet, slotName(fleet.name, slot), 'config');
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, binaryData: files };
}
