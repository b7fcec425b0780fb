/** The part of RelayFleet that says how senders reach the pool: its Service. */

import { z } from 'zod';
import { network } from './names.ts';
import { port } from './next-hop.ts';
import { atMost, atomic, withRules } from './rules.ts';

const LOAD_BALANCER_ONLY = ['loadBalancerClass', 'loadBalancerSourceRanges', 'allocateLoadBalancerNodePorts'];

export const service = withRules(
  z.object({
    type: z.enum(['LoadBalancer', 'NodePort', 'ClusterIP']).default('LoadBalancer').describe('Type of the Service.'),
    port: port.default(25).describe('Port on which senders reach the pool. The world knows only 25.'),
    annotations: atMost(64, z.record(z.string(), z.string().max(4096)))
      .describe('Annotations of the Service; clouds read their load balancer settings here.')
      .optional(),
    labels: atMost(64, z.record(z.string(), z.string().max(63)))
      .describe('Labels of the Service.')
      .optional(),
    loadBalancerClass: z
      .string()
      .min(1)
      .max(317)
      .describe('Which load balancer implementation makes it. Cannot be changed.')
      .optional(),
    loadBalancerSourceRanges: atomic(z.array(network('A network that may connect.')).max(256))
      .describe('Networks that the load balancer lets in. Left out: all.')
      .optional(),
    externalTrafficPolicy: z
      .enum(['Local', 'Cluster'])
      .default('Local')
      .describe(
        'Local keeps the address of the client, by which tenants are recognised. Cluster hides it behind a node.',
      ),
    ipFamilyPolicy: z
      .enum(['PreferDualStack', 'SingleStack', 'RequireDualStack'])
      .default('PreferDualStack')
      .describe('Whether the Service gets addresses of both families.'),
    ipFamilies: atomic(
      z
        .array(z.enum(['IPv4', 'IPv6']))
        .min(1)
        .max(2),
    )
      .describe('Families of the Service in order of preference. Left out: as the cluster prefers.')
      .optional(),
    allocateLoadBalancerNodePorts: z
      .boolean()
      .describe('Whether node ports are set aside for the load balancer. Left out: as Kubernetes does.')
      .optional(),
    deletionPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'What becomes of the Service when the fleet is deleted. Its address is in MX and SPF records and in ' +
          'lists of partners; Retain keeps it.',
      ),
  }),
  {
    rule:
      'has(self.loadBalancerClass) == has(oldSelf.loadBalancerClass) && ' +
      '(!has(self.loadBalancerClass) || self.loadBalancerClass == oldSelf.loadBalancerClass)',
    message: 'loadBalancerClass cannot be changed: make a new fleet',
  },
  {
    rule: `self.type == 'LoadBalancer' || (${LOAD_BALANCER_ONLY.map((field) => `!has(self.${field})`).join(' && ')})`,
    message: `${LOAD_BALANCER_ONLY.join(', ')} need type LoadBalancer: set it or leave them out`,
  },
  {
    rule: '!has(self.ipFamilies) || self.ipFamilies.size() < 2 || self.ipFamilies[0] != self.ipFamilies[1]',
    message: 'name each family once',
  },
  {
    rule: "!has(self.ipFamilies) || self.ipFamilies.size() < 2 || self.ipFamilyPolicy != 'SingleStack'",
    message: 'SingleStack has one family: name one in ipFamilies or choose another ipFamilyPolicy',
  },
);
