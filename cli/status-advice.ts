/** What to do about each reason that a condition can give. */

import type { Reason } from '../crds/v1alpha1/conditions.ts';
import { FLEET_LABEL, workloadName } from '../operator/manifests/names.ts';

export interface Place {
  readonly namespace: string;
  /** The fleet that serves the object; undefined: none is known. */
  readonly fleet: string | undefined;
}

type Advice = string | ((place: Place) => string);

const DONE = 'nothing is to be done';
const ROW = 'correct the rows that the message names; the others work';

const ADVICE: Readonly<Record<Reason, Advice>> = {
  Accepted: DONE,
  ResolvedRefs: DONE,
  Programmed: DONE,
  Ready: DONE,
  Invalid: 'correct what the message names and apply it again',
  Conflicted: 'take the name out of one of the two: until then the holder keeps it',
  NotAllowedByTenantRoute:
    "add the SharedDomain to the TenantRoute's spec.sharedDomainRefs, if it is meant to take part",
  DomainNotAllowed: 'ask whoever runs the operator: its setting domains says which namespaces may claim a domain',
  FleetNotFound: 'make the RelayFleet, or correct the name in spec.fleetRef',
  NotFound: 'make what is missing, or correct the reference',
  KeyNotFound: 'add the key to the object, or name the key that is there',
  InvalidContent: 'correct the object that the message names; it is read again by itself',
  Unknown: "it is tried again by itself; if it stays so, the operator's log says why",
  Pending: 'wait: pods take a change within seconds',
  NotAccepted: 'correct what keeps it from being accepted',
  NoReadyPods: ({ namespace, fleet }) => `see why no pod is ready: kubectl describe pods ${pods(namespace, fleet)}`,
  CanaryFailed: ({ namespace, fleet }) =>
    `change what the message names; the pods' log says more: kubectl logs ${pods(namespace, fleet)}`,
  ImageTooOld: 'leave spec.image of the RelayFleet out, or name a newer one',
  FleetPaused: ({ namespace, fleet = 'NAME' }) =>
    `go on with: kubectl patch relayfleet ${fleet} -n ${namespace} --type merge -p '{"spec":{"paused":false}}'`,
  DeploymentUnavailable: seeWhy,
  AddressNotAssigned: ({ namespace, fleet = 'NAME' }) =>
    `a load balancer must assign one: kubectl describe service ${workloadName(fleet)} -n ${namespace}; ` +
    'without any, set spec.service.type to NodePort or ClusterIP',
  RolledOut: DONE,
  RollingOut: ({ namespace, fleet = 'NAME' }) =>
    `wait for it: kubectl rollout status deployment/${workloadName(fleet)} -n ${namespace}`,
  Scaling: 'wait: relays come and go one by one',
  PodsNotReady: ({ namespace, fleet }) => `wait some seconds, then see why: kubectl get pods ${pods(namespace, fleet)}`,
  PodsCannotStart: seeWhy,
  ProgressDeadlineExceeded: seeWhy,
  OutsideDomain: ROW,
  InvalidRow: ROW,
  DuplicateRow: ROW,
  ClientAddressHidden:
    'set spec.service.externalTrafficPolicy to Local, or use the PROXY protocol; certificates work either way',
  NextHopRefusesUs: 'let the next hop take mail from the addresses that the relays send from',
};

function seeWhy({ namespace, fleet }: Place): string {
  return `see why: kubectl describe deployments,pods ${pods(namespace, fleet)}`;
}

function pods(namespace: string, fleet: string | undefined): string {
  return `-n ${namespace} -l ${FLEET_LABEL}${fleet === undefined ? '' : `=${fleet}`}`;
}

/** undefined: a newer operator's word. */
export function adviceFor(reason: string, place: Place): string | undefined {
  if (!Object.hasOwn(ADVICE, reason)) return undefined;
  const advice = ADVICE[reason as Reason];
  return typeof advice === 'string' ? advice : advice(place);
}
