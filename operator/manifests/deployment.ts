/**
 * The Deployment that runs a fleet's relay pods. Its pod template says nothing about tenants: they come and go without
 * a restart.
 */

import { UNREADY_SECONDS } from '../../relay/core/pod-status.ts';
import type { KubeObject } from '../kube/api.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { objectLabels, selectorLabels, workloadName } from './names.ts';
import { relayContainer } from './relay-container.ts';
import { relayVolumes } from './relay-volumes.ts';

/** Of the images' user; anything above 0 would do for Pod Security, and this one has no name on a node. */
const RELAY_USER = 65532;
/** RFC 5321 §4.5.3.2.6: a client waits 10 minutes for the answer to its final dot. After the dot nothing is cut. */
const FINAL_DOT_SECONDS = 600;
/** To close what is left and to end. */
const ENDING_SECONDS = 15;
/** A pod that cannot bear real mail fails at once, and the next must not be taken down for it. */
const MIN_READY_SECONDS = 5;

export function deployment(input: ManifestInput): KubeObject {
  const { fleet, replicas } = input;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: ownedMetadata(fleet, workloadName(fleet.name), 'workload'),
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: selectorLabels(fleet.name) },
      minReadySeconds: MIN_READY_SECONDS,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: podTemplate(input),
    },
  };
}

function podTemplate(input: ManifestInput) {
  const { fleet, compiled } = input;
  const { spec } = fleet;
  return {
    metadata: {
      // Ours come last: the selector finds pods by them.
      labels: { ...spec.podLabels, ...objectLabels(fleet.name, 'workload') },
      ...(spec.podAnnotations === undefined ? {} : { annotations: spec.podAnnotations }),
    },
    spec: {
      serviceAccountName: workloadName(fleet.name),
      // Relay pods face the internet: they get no credentials for the API server and no list of Services.
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(spec.imagePullSecrets === undefined ? {} : { imagePullSecrets: spec.imagePullSecrets }),
      ...(spec.nodeSelector === undefined ? {} : { nodeSelector: spec.nodeSelector }),
      ...(spec.tolerations === undefined ? {} : { tolerations: spec.tolerations }),
      affinity: spec.affinity ?? apartByZone(fleet.name),
      ...(spec.priorityClassName === undefined ? {} : { priorityClassName: spec.priorityClassName }),
      topologySpreadConstraints: [spreadOverHosts(fleet.name)],
      // Nearly every name that a relay asks for is the internet's: without this each would be asked for below every
      // search domain of the cluster first.
      dnsConfig: { options: [{ name: 'ndots', value: '1' }] },
      terminationGracePeriodSeconds:
        compiled.lameDuckSeconds + UNREADY_SECONDS + compiled.drainSeconds + FINAL_DOT_SECONDS + ENDING_SECONDS,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: RELAY_USER,
        runAsGroup: RELAY_USER,
        fsGroup: RELAY_USER,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [relayContainer(input)],
      volumes: relayVolumes(input),
    },
  };
}

/** ScheduleAnyway: with DoNotSchedule a drain of one of two nodes never ends. */
function spreadOverHosts(fleet: string) {
  return {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    nodeTaintsPolicy: 'Honor',
    labelSelector: { matchLabels: selectorLabels(fleet) },
    matchLabelKeys: ['pod-template-hash'],
  };
}

/**
 * Not a second spread constraint: the scheduler counts only nodes that have the labels of all of them, and without zones
 * every pod may end on one node.
 */
function apartByZone(fleet: string) {
  const podAffinityTerm = {
    topologyKey: 'topology.kubernetes.io/zone',
    labelSelector: { matchLabels: selectorLabels(fleet) },
  };
  return {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
  };
}
