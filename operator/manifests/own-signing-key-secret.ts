/** The Secret with the key of trace fields of a fleet that names none; it stays when the fleet goes. */

import type { KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from './input.ts';
import { retainedMetadata } from './metadata.ts';
import { ownSigningKeyName } from './names.ts';

/** `key` in base64. */
export function ownSigningKeySecret(fleet: FleetIdentity, key: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: retainedMetadata(fleet, ownSigningKeyName(fleet.name), 'key'),
    type: 'Opaque',
    data: { 'signing.key': key },
  };
}
