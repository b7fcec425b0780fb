/** The Service by which senders reach a fleet. */

import type { KubeObject } from '../kube/api.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata, retainedMetadata } from './metadata.ts';
import { SMTP_PORT, selectorLabels, workloadName } from './names.ts';

/** Its address is in MX and SPF records and in lists of partners: unless told otherwise it outlives the fleet. */
export const isServiceRetained = ({ fleet }: ManifestInput): boolean => fleet.spec.service.deletionPolicy === 'Retain';

/**
 * The API server adds the second family itself where the policy lets it, and takes a list without it for the wish to give
 * it up, which it refuses.
 */
function families(wanted: readonly string[], { fleet, serviceFamilies = [] }: ManifestInput): readonly string[] {
  const mayHaveMore = fleet.spec.service.ipFamilyPolicy !== 'SingleStack';
  const isPart = wanted.every((family, place) => serviceFamilies[place] === family);
  return mayHaveMore && isPart ? serviceFamilies : wanted;
}

export function relayService(input: ManifestInput): KubeObject {
  const { fleet } = input;
  const wanted = fleet.spec.service;
  const metadataOf = isServiceRetained(input) ? retainedMetadata : ownedMetadata;
  const metadata = metadataOf(fleet, workloadName(fleet.name), 'workload');
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...metadata,
      // Ours come last: pruning finds the object by them.
      labels: { ...wanted.labels, ...metadata.labels },
      ...(wanted.annotations === undefined ? {} : { annotations: wanted.annotations }),
    },
    spec: {
      type: wanted.type,
      selector: selectorLabels(fleet.name),
      ports: [{ name: 'smtp', port: wanted.port, targetPort: SMTP_PORT, protocol: 'TCP' }],
      // A pod that has never had a configuration can only answer 421.
      publishNotReadyAddresses: false,
      ipFamilyPolicy: wanted.ipFamilyPolicy,
      ...(wanted.ipFamilies === undefined ? {} : { ipFamilies: families(wanted.ipFamilies, input) }),
      // The API server refuses it where nobody outside the cluster can connect.
      ...(wanted.type === 'ClusterIP' ? {} : { externalTrafficPolicy: wanted.externalTrafficPolicy }),
      ...(wanted.loadBalancerClass === undefined ? {} : { loadBalancerClass: wanted.loadBalancerClass }),
      ...(wanted.loadBalancerSourceRanges === undefined
        ? {}
        : { loadBalancerSourceRanges: wanted.loadBalancerSourceRanges }),
      ...(wanted.allocateLoadBalancerNodePorts === undefined
        ? {}
        : { allocateLoadBalancerNodePorts: wanted.allocateLoadBalancerNodePorts }),
    },
  };
}
