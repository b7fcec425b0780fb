/** The Secret with the self-signed certificate of a fleet that names none; it stays when the fleet goes. */

import type { KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from './input.ts';
import { retainedMetadata } from './metadata.ts';
import { ownCertificateName } from './names.ts';

/** Both in base64 of their PEM. */
export function ownCertificateSecret(fleet: FleetIdentity, certificate: string, key: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: retainedMetadata(fleet, ownCertificateName(fleet.name), 'key'),
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': certificate, 'tls.key': key },
  };
}
