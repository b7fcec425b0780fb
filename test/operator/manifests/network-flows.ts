/**
 * Says which connections a NetworkPolicy lets through, as its API describes it. Where networks differ (some hold that an
 * address block means pods too, others that it never does) it can be asked for either.
 */

import { containsAddress } from './address-block.ts';

export interface Place {
  readonly address: string;
  /** undefined: no pod. */
  readonly pod?: { readonly namespaceLabels: Labels; readonly namespace: string; readonly labels: Labels };
}

export interface Flow {
  readonly from: Place;
  readonly to: Place;
  readonly protocol: string;
  readonly port: number;
}

type Labels = Readonly<Record<string, string>>;
type Selector = { readonly matchLabels?: Labels };
type Peer = {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
};
type Rule = {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
};
export interface Policy {
  readonly metadata: { readonly namespace?: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

const selects = ({ matchLabels = {} }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value);

function isSubject({ metadata, spec }: Policy, { pod }: Place): boolean {
  return pod !== undefined && pod.namespace === metadata.namespace && selects(spec.podSelector, pod.labels);
}

/** Whether the one policy lets it through; who is not its subject is free. */
export function allows(policy: Policy, flow: Flow, blocksMeanPods: boolean): boolean {
  const { policyTypes, ingress = [], egress = [] } = policy.spec;
  const passes = (rules: readonly Rule[], side: 'from' | 'to') =>
    rules.some(
      (rule) =>
        (rule.ports ?? [flow]).some(({ protocol, port }) => protocol === flow.protocol && port === flow.port) &&
        (rule[side]?.some((peer) => isPeer(policy, peer, flow[side], blocksMeanPods)) ?? true),
    );
  if (isSubject(policy, flow.from) && policyTypes.includes('Egress') && !passes(egress, 'to')) return false;
  return !(isSubject(policy, flow.to) && policyTypes.includes('Ingress') && !passes(ingress, 'from'));
}

function isPeer(policy: Policy, peer: Peer, place: Place, blocksMeanPods: boolean): boolean {
  const { ipBlock, namespaceSelector, podSelector } = peer;
  if (ipBlock !== undefined) {
    if (place.pod !== undefined && !blocksMeanPods) return false;
    const { cidr, except = [] } = ipBlock;
    return containsAddress(cidr, place.address) && !except.some((hole) => containsAddress(hole, place.address));
  }
  const { pod } = place;
  if (pod === undefined) return false;
  const isNamespace =
    namespaceSelector === undefined
      ? pod.namespace === policy.metadata.namespace
      : selects(namespaceSelector, pod.namespaceLabels);
  return isNamespace && selects(podSelector ?? {}, pod.labels);
}
