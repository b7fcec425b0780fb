/** The volumes of a relay pod: the same for every set of tenants, so that a tenant never restarts a pod. */

import { WANTED_REVISION_FILE } from '../../relay/core/manifest.ts';
import type { ManifestInput } from './input.ts';
import { manifestName, ownCertificateName, REVISION_ANNOTATION, secretSlotIds, slotIds, slotName } from './names.ts';

/** Readable by the pod's own group, which fsGroup gives the files to; by nobody else, as there are keys among them. */
const GROUP_MAY_READ = 0o440;
/** Bodies under way: 5,000 connections rarely send more at once, and a node's disk is not the relay's alone. */
const SPOOL_SIZE = '10Gi';
/** The last verified configuration: a slot's object holds a mebibyte at most, and a million addresses are 20 of them. */
const STATE_SIZE = '96Mi';

export function relayVolumes({ fleet: { name, spec } }: ManifestInput) {
  // Optional: a slot is made when it is needed, and a pod starts without any of them.
  const configMap = (object: string) => ({ configMap: { name: object, optional: true } });
  const secret = (object: string) => ({ secret: { name: object, optional: true } });
  return [
    {
      name: 'config',
      projected: {
        defaultMode: GROUP_MAY_READ,
        sources: [
          ...slotIds().map((slot) => configMap(slotName(name, slot))),
          ...secretSlotIds().map((slot) => secret(slotName(name, slot))),
          configMap(manifestName(name)),
          {
            downwardAPI: {
              items: [
                {
                  path: WANTED_REVISION_FILE,
                  fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${REVISION_ANNOTATION}']` },
                },
              ],
            },
          },
        ],
      },
    },
    {
      name: 'tls',
      secret: {
        secretName: spec.tls.secretRef?.name ?? ownCertificateName(name),
        optional: true,
        defaultMode: GROUP_MAY_READ,
      },
    },
    // Keys are among them, and a node's disk may outlive the pod.
    { name: 'state', emptyDir: { medium: 'Memory', sizeLimit: STATE_SIZE } },
    { name: 'spool', emptyDir: { sizeLimit: SPOOL_SIZE } },
  ];
}
