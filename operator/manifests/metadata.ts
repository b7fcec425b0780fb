/**
 * The metadata that every object of a fleet carries: name, labels, owner. Labels of the RelayFleet itself are not
 * copied: Argo CD would take the object for its own.
 */

import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import type { KubeMetadata, OwnerReference } from '../kube/api.ts';
import type { FleetIdentity } from './input.ts';
import { objectLabels, retainedLabels } from './names.ts';

/** Values of PURPOSE_LABEL. */
export type Purpose = 'config' | 'credentials' | 'manifest' | 'workload' | 'key';

export function ownerReference(fleet: FleetIdentity): OwnerReference {
  return { apiVersion: API_VERSION, kind: 'RelayFleet', name: fleet.name, uid: fleet.uid, controller: true };
}

export function ownedMetadata(fleet: FleetIdentity, name: string, purpose: Purpose): KubeMetadata {
  const labels = objectLabels(fleet.name, purpose);
  return { name, namespace: fleet.namespace, labels, ownerReferences: [ownerReference(fleet)] };
}

/** Without an owner: the object stays when the RelayFleet is deleted. */
export function retainedMetadata(fleet: FleetIdentity, name: string, purpose: Purpose): KubeMetadata {
  return { name, namespace: fleet.namespace, labels: retainedLabels(fleet.name, purpose) };
}
