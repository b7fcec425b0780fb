/** The NetworkPolicy of relay pods: mail in, and out only what delivering mail needs. */

import type { KubeObject } from '../kube/api.ts';
import type { Settings } from '../settings.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { HTTP_PORT, SMTP_PORT, selectorLabels, workloadName } from './names.ts';

const DNS_PORT = 53;
/** Behind the cluster's DNS Service pods listen where they like: OpenShift's on 5353, Gardener's on 8053. */
const DNS_POD_PORTS = [DNS_PORT, 5353, 8053];
const MX_PORT = 25;
/** RFC 8461 §3.3: policies of MTA-STS are fetched by HTTPS. */
const HTTPS_PORT = 443;

/** Kubernetes sets this label on every namespace itself. */
const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** Clouds answer with a machine's own credentials there. */
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'];
/** No public web server has these addresses, but the cluster's Services and, mostly, its API server do. */
const NOT_PUBLIC = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
  ...LINK_LOCAL,
];

interface Port {
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

const tcp = (port: number): Port => ({ protocol: 'TCP', port });
const onBoth = (port: number): Port[] => [{ protocol: 'UDP', port }, tcp(port)];

const ANY_POD = { namespaceSelector: {} };

/** undefined: not wanted. */
export function networkPolicy(input: ManifestInput): KubeObject | undefined {
  const { fleet, settings } = input;
  if (!settings.networkPolicy.enabled) return undefined;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: ownedMetadata(fleet, workloadName(fleet.name), 'workload'),
    spec: {
      podSelector: { matchLabels: selectorLabels(fleet.name) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [tcp(SMTP_PORT)] }, { from: mayReadStatus(input), ports: [tcp(HTTP_PORT)] }],
      egress: egress(input),
    },
  };
}

function mayReadStatus({ settings, operatorNamespace }: ManifestInput) {
  const operator = {
    namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: operatorNamespace } },
    podSelector: { matchLabels: settings.operatorLabels },
  };
  return [operator, ...settings.networkPolicy.metricsFrom.map(peer)];
}

function peer({ namespaceLabels, podLabels }: Settings['networkPolicy']['metricsFrom'][number]) {
  return {
    // Without it only this namespace would be meant.
    namespaceSelector: namespaceLabels === undefined ? {} : { matchLabels: namespaceLabels },
    ...(podLabels === undefined ? {} : { podSelector: { matchLabels: podLabels } }),
  };
}

/** A rule without ports would mean all of them; one that is empty is left out. */
const rule = (to: readonly object[], ports: readonly Port[]) =>
  to.length === 0 || ports.length === 0 ? [] : [{ to, ports }];

const ascending = (ports: ReadonlySet<number>): number[] => [...ports].sort((a, b) => a - b);

function egress({ fleet, settings, compiled, clusterResolvers = [] }: ManifestInput) {
  const { route, dnsServers = [] } = fleet.spec.outbound;
  const mailPorts = new Set([...compiled.ports.nextHops, ...(route === 'MX' ? [MX_PORT] : [])]);
  const podPorts = new Set(mailPorts.size === 0 ? [] : [...mailPorts, ...settings.networkPolicy.nextHopPodPorts]);
  const resolvers = [...new Set([...clusterResolvers, ...dnsServers])];
  const onWeb = route === 'MX' ? [tcp(HTTPS_PORT)] : [];
  // Most networks judge a connection to a Service by the pod behind it and by that pod's port. Some of them hold that a
  // block of addresses never means a pod.
  return [
    ...rule([ANY_POD], DNS_POD_PORTS.flatMap(onBoth)),
    ...rule(resolvers.map(toAddress), onBoth(DNS_PORT)),
    ...rule(everywhereBut(LINK_LOCAL), ascending(mailPorts).map(tcp)),
    ...rule([ANY_POD], ascending(podPorts).map(tcp)),
    ...rule(everywhereBut(NOT_PUBLIC), onWeb),
  ];
}

function everywhereBut(networks: readonly string[]) {
  return [
    { ipBlock: { cidr: '0.0.0.0/0', except: networks.filter((network) => !isIPv6(network)) } },
    { ipBlock: { cidr: '::/0', except: networks.filter(isIPv6) } },
  ];
}

const isIPv6 = (network: string): boolean => network.includes(':');
const toAddress = (address: string) => ({ ipBlock: { cidr: `${address}/${isIPv6(address) ? 128 : 32}` } });
