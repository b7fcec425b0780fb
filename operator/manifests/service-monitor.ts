/** The ServiceMonitor by which Prometheus finds relay pods, where the cluster knows that kind. */

import type { KubeObject } from '../kube/api.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { FLEET_LABEL, HTTP_PORT, retainedLabels, workloadName } from './names.ts';

/** undefined: not wanted, or unknown to the cluster. */
export function serviceMonitor(input: ManifestInput): KubeObject | undefined {
  const { fleet, settings, serviceMonitors } = input;
  const wanted = settings.serviceMonitor;
  if (!wanted.enabled || !serviceMonitors) return undefined;
  const metadata = ownedMetadata(fleet, workloadName(fleet.name), 'workload');
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { ...metadata, labels: { ...wanted.labels, ...metadata.labels } },
    spec: {
      selector: { matchLabels: retainedLabels(fleet.name, 'workload') },
      jobLabel: 'app.kubernetes.io/name',
      podTargetLabels: [FLEET_LABEL],
      endpoints: [
        // A container's port: the Service is the internet's way in and does not list this one.
        { targetPort: HTTP_PORT, path: '/metrics', interval: `${wanted.intervalSeconds}s` },
      ],
    },
  };
}
