/** A Secret that holds pieces of a fleet's configuration which come from Secrets. */

import type { KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { slotName } from './names.ts';

/** `slot`: `s07`. `files`: piece key → base64. */
export function secretSlot(fleet: FleetIdentity, slot: string, files: Readonly<Record<string, string>>): KubeObject {
  const metadata = ownedMetadata(fleet, slotName(fleet.name, slot), 'credentials');
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: files };
}
