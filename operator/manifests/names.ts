/** Names and labels of a fleet's objects: where they are made is the only place that knows how. */

import { CONFIG_FORMAT } from '../../relay/core/config.ts';

/** Who writes the objects, in metadata.managedFields. */
export const FIELD_MANAGER = 'isthmus';
/** Who writes the chart's default fleet: fields that somebody else holds are left to them. */
export const DEFAULT_FLEET_MANAGER = 'isthmus-default-fleet';

/** Read by relay pods through the downward API. */
export const REVISION_ANNOTATION = 'isthmus.dev/revision';
/** Its value means nothing: a change makes the kubelet look at the pod's volumes now. */
export const TOUCH_ANNOTATION = 'isthmus.dev/touched';
export const FLEET_LABEL = 'isthmus.dev/fleet';
/** `config`, `credentials`, `manifest`, `workload`, `key`. */
export const PURPOSE_LABEL = 'isthmus.dev/purpose';

export const SLOTS = 64;
/** For tables that come from Secrets, and for credentials. */
export const SECRET_SLOTS = 16;
/** etcd and the API server take 1 MiB of values in a ConfigMap or Secret. */
export const OBJECT_BYTES = 1024 * 1024;
/** Two revisions of a slot lie side by side. */
export const PIECE_BYTES = Math.floor(OBJECT_BYTES * 0.45);

export const SMTP_PORT = 2525;
export const HTTP_PORT = 9090;

export const workloadName = (fleet: string) => `${fleet}-relay`;
export const manifestName = (fleet: string, format: number = CONFIG_FORMAT) => `${fleet}-f${format}`;
/** `slot` as in a PieceReference: `07` or `s07`. */
export const slotName = (fleet: string, slot: string, format: number = CONFIG_FORMAT) => `${fleet}-f${format}-${slot}`;
export const ownCertificateName = (fleet: string) => `${fleet}-tls`;
export const ownSigningKeyName = (fleet: string) => `${fleet}-signing`;

export const slotIds = (): string[] => Array.from({ length: SLOTS }, (_, index) => String(index).padStart(2, '0'));
export const secretSlotIds = (): string[] =>
  Array.from({ length: SECRET_SLOTS }, (_, index) => `s${String(index).padStart(2, '0')}`);

/** What a Deployment's and Service's selector asks for; can never change. */
export function selectorLabels(fleet: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'isthmus-relay',
    'app.kubernetes.io/instance': fleet,
    'app.kubernetes.io/component': 'relay',
    [FLEET_LABEL]: fleet,
  };
}

/** Of what has no owner: an Argo CD that tracks by `instance` would prune it as part of an Application of the fleet's name. */
export function retainedLabels(fleet: string, purpose: string): Record<string, string> {
  const { 'app.kubernetes.io/instance': _, ...labels } = objectLabels(fleet, purpose);
  return labels;
}

export function objectLabels(fleet: string, purpose: string): Record<string, string> {
  return { ...selectorLabels(fleet), 'app.kubernetes.io/managed-by': 'isthmus', [PURPOSE_LABEL]: purpose };
}
