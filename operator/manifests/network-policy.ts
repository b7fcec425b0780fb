/** The NetworkPolicy of relay pods: mail in, and out only what delivering mail needs. */

import type { KubeObject } from '../kube/api.ts';
import type { Settings } from '../settings.ts';
import type { ManifestInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { HTTP_PORT, SMTP_PORT, selectorLabels, workloadName } from './names.ts';

const DNS_PORT = 53;
const MX_PORT = 25;
/** RFC 8461 §3.3: policies of MTA-STS are fetched by HTTPS. */
const HTTPS_PORT = 443;

/** Kubernetes sets this label on every namespace itself. */
const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** Clouds answer with a machine's own credentials there. */
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'];
/** No public web server has these addresses, but the API server and Services of the cluster do. */
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
const udp = (port: number): Port => ({ protocol: 'UDP', port });

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

function egress({ fleet, compiled, apiServerAddresses = [] }: ManifestInput) {
  const { route, dnsServers = [] } = fleet.spec.outbound;
  const apiServer = apiServerAddresses.map(singleAddress);
  const mailPorts = new Set([...compiled.ports.nextHops, ...(route === 'MX' ? [MX_PORT] : [])]);
  const resolvers = [
    { namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: 'kube-system' } } },
    ...dnsServers.map((address) => ({ ipBlock: { cidr: singleAddress(address) } })),
  ];
  // Some networks hold that a block of addresses never means a pod, and a mail system may run in this cluster.
  const mailSystems = [...everywhereBut([...LINK_LOCAL, ...apiServer]), { namespaceSelector: {} }];
  return [
    { to: resolvers, ports: [udp(DNS_PORT), tcp(DNS_PORT)] },
    // A rule without ports would mean all of them.
    ...(mailPorts.size === 0 ? [] : [{ to: mailSystems, ports: [...mailPorts].toSorted((a, b) => a - b).map(tcp) }]),
    ...(route === 'MX' ? [{ to: everywhereBut([...NOT_PUBLIC, ...apiServer]), ports: [tcp(HTTPS_PORT)] }] : []),
  ];
}

function everywhereBut(networks: readonly string[]) {
  return [
    { ipBlock: { cidr: '0.0.0.0/0', except: networks.filter((network) => !isIPv6(network)) } },
    { ipBlock: { cidr: '::/0', except: networks.filter(isIPv6) } },
  ];
}

const isIPv6 = (network: string): boolean => network.includes(':');
const singleAddress = (address: string): string => `${address}/${isIPv6(address) ? 128 : 32}`;
