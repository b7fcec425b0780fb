/** RelayFleet: a pool of relay pods that runs the shared domains which name it. */

import { z } from 'zod';
import { CONDITION_TYPES, conditions, observedGeneration, UNOBSERVED } from './conditions.ts';
import type { Resource } from './metadata.ts';
import { domainName, ipAddress, mailAddress, network } from './names.ts';
import { addressFamily, nextHop } from './next-hop.ts';
import { SECRET_KEYS, secretKeyRef, secretRef } from './references.ts';
import { podFields } from './relay-fleet-pods.ts';
import { service } from './relay-fleet-service.ts';
import { atomic, set, withRules } from './rules.ts';

/** More pods than this would be more than the configuration's delivery was measured for. */
const MAX_REPLICAS = 500;
const replicas = z.int().min(0).max(MAX_REPLICAS);
const count = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const DAY = 86400;

/** A number with its default and bounds, both of which kubectl explain shows. */
const limit = (value: number, min: number, max: number, description: string) =>
  z.int().min(min).max(max).default(value).describe(description);

const autoscaling = withRules(
  z.object({
    minReplicas: z.int().min(1).max(MAX_REPLICAS).default(2).describe('Never fewer pods than this.'),
    maxReplicas: z.int().min(1).max(MAX_REPLICAS).describe('Never more pods than this.'),
    targetCPUUtilizationPercentage: z
      .int()
      .min(1)
      .max(1000)
      .describe('Mean CPU use, in percent of the request, that is aimed at. 80 when no target is set.')
      .optional(),
    targetConnectionsPerPod: z
      .int()
      .min(1)
      .max(100000)
      .describe('Mean number of SMTP connections a pod that is aimed at. Needs an adapter for custom metrics.')
      .optional(),
  }),
  { rule: 'self.minReplicas <= self.maxReplicas', message: 'minReplicas must not be greater than maxReplicas' },
);

const tls = z.object({
  secretRef: secretRef(
    'A kubernetes.io/tls Secret (keys tls.crt and tls.key) for the host name; reloaded without a restart. ' +
      'Left out: a self-signed certificate is made and kept, which senders who verify will refuse.',
  ).optional(),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('The oldest version that is spoken.'),
  clientCASecretRef: secretKeyRef(
    SECRET_KEYS.authorities,
    "PEM certificates of the authorities whose client certificates are trusted. Default: Node.js's bundled roots.",
  ).optional(),
});

const outbound = withRules(
  z.object({
    route: z
      .enum(['MX', 'SmartHost'])
      .default('MX')
      .describe('MX: straight to the hosts of the recipient domain. SmartHost: everything to one mail system.'),
    smartHost: nextHop('Where everything for the internet goes when route is SmartHost.').optional(),
    dnsServers: atomic(z.array(ipAddress('Address of a resolver.')).max(8))
      .describe("Resolvers that are asked. Left out: the system's.")
      .optional(),
    egressCIDRs: set(z.array(network('A network.')).max(64))
      .describe('Addresses that the world sees mail come from (NAT, egress gateway). SPF records need them.')
      .optional(),
    addressFamily: addressFamily
      .default('IPv4')
      .describe('Which addresses of MX hosts are tried. Any needs reverse DNS and SPF for both families.'),
  }),
  {
    rule: "(self.route == 'SmartHost') == has(self.smartHost)",
    message: 'route SmartHost and smartHost go together: set both, or route MX and no smartHost',
  },
);

const proxyProtocol = withRules(
  z.object({
    mode: z
      .enum(['Disabled', 'Optional', 'Required'])
      .default('Disabled')
      .describe(
        'Whether load balancers say by the PROXY protocol, version 1, which client they pass on (haproxy: send-proxy). ' +
          'The address they name then counts as the sender, in sources and limits too. Optional: a connection from ' +
          'trustedCIDRs that says nothing for a second is its own client, for the time while balancers are changed. ' +
          'Required: it is closed after five, and every connection from elsewhere at once. Version 2 is refused. ' +
          "A connection for nobody (UNKNOWN), such as a health check, is the balancer's own.",
      ),
    trustedCIDRs: set(z.array(network('A network of load balancers.')).max(64))
      .describe(
        'Networks of the load balancers as relays see them, and of nobody else: whoever connects from there may call ' +
          'himself any tenant. Under externalTrafficPolicy Cluster they are the nodes, and then nobody but the load ' +
          'balancers may reach the node ports. A PROXY line from elsewhere is refused.',
      )
      .optional(),
  }),
  {
    rule: "self.mode == 'Disabled' || (has(self.trustedCIDRs) && self.trustedCIDRs.size() > 0)",
    message: 'modes Optional and Required need trustedCIDRs: name the networks of your load balancers',
  },
);

const limits = z.object({
  messageBytes: limit(157286400, 65536, 2 ** 31 - 1, 'The largest message, in bytes; announced as SIZE.'),
  recipientsPerMessage: limit(500, 100, 10000, 'The most recipients of one transaction (RFC 5321 demands 100).'),
  headerBytes: limit(262144, 16384, 4194304, 'The largest header section, in bytes.'),
  hops: limit(30, 5, 200, 'A message with more Received fields than this is in a loop.'),
  connections: limit(5000, 10, 100000, 'The most connections of one pod.'),
  connectionsPerClient: limit(20, 1, 10000, 'The most connections of one client to one pod.'),
  messagesPerMinutePerClient: limit(600, 1, 1000000, 'The most messages a minute of one client to one pod.'),
  minimumBytesPerSecond: limit(500, 1, 1048576, 'A client that sends a message slower than this is let go.'),
  commandTimeoutSeconds: limit(300, 10, 3600, 'How long a client may be silent (RFC 5321 asks for 300).'),
  deliveryTimeoutSeconds: limit(
    270,
    10,
    540,
    'How long the next hop may take before it has the whole message. Below the patience of senders, 300 or more.',
  ),
});

export const relayFleetSpec = withRules(
  z.object({
    hostname: domainName(
      'The name in the greeting, EHLO and Received; the certificate must cover it. Default: relay. before the domain ' +
        'of the oldest SharedDomain.',
    ).optional(),
    replicas: replicas.describe('How many pods. 3 when neither this nor autoscaling is set.').optional(),
    autoscaling: autoscaling.describe('Let a HorizontalPodAutoscaler choose the number of pods.').optional(),
    ...podFields,
    service: service.prefault({}).describe('The Service by which senders reach the pool.'),
    proxyProtocol: proxyProtocol.prefault({}).describe('How load balancers say whose connection they pass on.'),
    tls: tls.prefault({}).describe('Certificates of the receiving side.'),
    outbound: outbound.prefault({}).describe('The way to the internet.'),
    limits: limits.prefault({}).describe('What a client may ask of the relay.'),
    signingSecretRef: secretRef(
      'A Secret whose key signing.key, a text of at least 32 octets, marks messages that passed this fleet, by which it ' +
        'ends loops. A key previous.key in it is still believed but signs no more: to change the key, move the old one ' +
        'there. Left out: one is made and kept.',
    ).optional(),
    postmaster: mailAddress(
      "Takes a shared domain's postmaster mail when the domain names nobody. Default: postmaster at the first " +
        'domain of the oldest TenantRoute.',
    ).optional(),
    lameDuckSeconds: z
      .int()
      .min(0)
      .max(600)
      .describe(
        'How long a pod that ends stays ready and takes new connections, until every load balancer knows; it then takes ' +
          'them for 8 seconds more, until every node knows that it is not ready. Default: 35; ' +
          '0 when resources are read from files.',
      )
      .optional(),
    drainSeconds: limit(60, 0, 3600, 'How long sessions may then go on before their final dot.'),
    removedDomainHoldSeconds: limit(
      DAY,
      0,
      30 * DAY,
      'How long what a deleted SharedDomain, TenantRoute or RewriteRule claimed is answered 451 instead of 550.',
    ),
    paused: z.boolean().default(false).describe('Nothing is applied while true; status is still written.'),
  }),
  {
    rule: '!(has(self.replicas) && has(self.autoscaling))',
    message: 'set replicas or autoscaling, not both',
  },
);

export const relayFleetStatus = z
  .object({
    observedGeneration,
    conditions: conditions(CONDITION_TYPES.RelayFleet).optional(),
    replicas: count.describe('Pods of the fleet.').optional(),
    readyReplicas: count.describe('Pods that are ready.').optional(),
    programmedReplicas: count.describe('Pods that run the newest configuration.').optional(),
    updatedReplicas: count.describe('Pods of the newest pod template, ready or not.').optional(),
    terminatingReplicas: count
      .describe(
        'Pods that end: they take no new sessions and finish those that they have; no other number counts them.',
      )
      .optional(),
    image: z
      .string()
      .max(1024)
      .describe('The image that every relay runs; there only while the condition RolledOut is True.')
      .optional(),
    selector: z
      .string()
      .max(1024)
      .describe('Label selector of the pods, for kubectl scale and autoscalers.')
      .optional(),
    addresses: atomic(
      z
        .array(
          z.object({
            type: z.enum(['IPAddress', 'Hostname']).describe('What value is.'),
            value: z.string().max(253).describe('An address by which senders reach the pool.'),
          }),
        )
        .max(16),
    )
      .describe('Addresses by which senders reach the pool; MX records point here.')
      .optional(),
    nodesWithPods: count.describe('Nodes that run a ready pod; under Local only these take connections.').optional(),
    revision: z.string().max(128).describe('Name of the newest configuration.').optional(),
  })
  .default(UNOBSERVED);

export type RelayFleetSpec = z.output<typeof relayFleetSpec>;
export type RelayFleetStatus = z.output<typeof relayFleetStatus>;
export type RelayFleet = Resource<'RelayFleet', RelayFleetSpec, RelayFleetStatus>;
