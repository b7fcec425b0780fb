/** The four kinds: schemas, names and what kubectl shows of them. Everything that goes over all kinds starts here. */

import type { z } from 'zod';
import { type RelayFleet, relayFleetSpec, relayFleetStatus } from './relay-fleet.ts';
import { type RewriteRule, rewriteRuleSpec, rewriteRuleStatus } from './rewrite-rule.ts';
import type { Rule } from './rules.ts';
import { type SharedDomain, sharedDomainSpec, sharedDomainStatus } from './shared-domain.ts';
import { type TenantRoute, tenantRouteSpec, tenantRouteStatus } from './tenant-route.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 0 | 1;
}

export interface KindSchema {
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly description: string;
  readonly spec: z.ZodType;
  /** The spec may be left out, because every field of it may be. */
  readonly specOptional: boolean;
  readonly status: z.ZodType;
  /** The longest metadata.name, where other names are made from it. */
  readonly maxNameLength?: number;
  /** Rules about the whole object. */
  readonly rules: readonly Rule[];
  readonly columns: readonly PrinterColumn[];
  readonly scale: boolean;
}

const condition = (type: string, field: 'status' | 'reason' | 'message') =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

const READY: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: condition('Ready', 'status'), description: 'Whether it works.' },
  { name: 'Reason', type: 'string', jsonPath: condition('Ready', 'reason'), description: 'Why, in one word.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'When it was made.' },
];

const MESSAGE: PrinterColumn = {
  name: 'Message',
  type: 'string',
  jsonPath: condition('Ready', 'message'),
  description: 'Why, for people.',
  priority: 1,
};

/** Names of its objects are made as <fleet>-f1-07 and the Service's is a DNS label of at most 63 characters. */
const FLEET_NAME_LENGTH = 40;

const text = (name: string, jsonPath: string, description: string, priority: 0 | 1 = 0): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath,
  description,
  priority,
});
const number = (name: string, jsonPath: string, description: string, priority: 0 | 1 = 0): PrinterColumn => ({
  ...text(name, jsonPath, description, priority),
  type: 'integer',
});

export const SCHEMAS = {
  RelayFleet: {
    plural: 'relayfleets',
    singular: 'relayfleet',
    shortName: 'rfleet',
    description: 'A pool of SMTP relay pods that serves the SharedDomains which name it.',
    spec: relayFleetSpec,
    specOptional: true,
    status: relayFleetStatus,
    maxNameLength: FLEET_NAME_LENGTH,
    rules: [
      {
        rule: "self.metadata.name.matches(r'^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        message:
          'the name of a fleet becomes the name of its Service: letters in lower case, digits and hyphens only, ' +
          'with a letter first',
        fieldPath: '.metadata.name',
      },
    ],
    columns: [
      number('Pods', '.status.replicas', 'Pods of the fleet.'),
      number('Programmed', '.status.programmedReplicas', 'Pods that run the newest configuration.'),
      text(
        'Rolled-Out',
        condition('RolledOut', 'status'),
        'Whether every pod is there, is ready and runs the newest image.',
      ),
      text('Address', '.status.addresses[0].value', 'Where senders reach it.'),
      ...READY,
      text('Hostname', '.spec.hostname', 'The name in its greeting.', 1),
      text('Outbound', '.spec.outbound.route', 'The way to the internet.', 1),
      number('Nodes', '.status.nodesWithPods', 'Nodes that run a ready pod.', 1),
      text('Revision', '.status.revision', 'Name of the newest configuration.', 1),
      text('Image', '.status.image', 'The image that every pod runs.', 1),
      text('Rollout', condition('RolledOut', 'message'), 'What keeps its pods from being as they should.', 1),
      MESSAGE,
    ],
    scale: true,
  },
  SharedDomain: {
    plural: 'shareddomains',
    singular: 'shareddomain',
    shortName: 'sdom',
    description: 'A mail domain that several tenants share.',
    spec: sharedDomainSpec,
    specOptional: false,
    status: sharedDomainStatus,
    rules: [],
    columns: [
      text('Domain', '.spec.domain', 'The domain that the world sees.'),
      number('Tenants', '.status.tenantCount', 'TenantRoutes that take part.'),
      number('Addresses', '.status.addressCount', 'Shared addresses that rules resolve.'),
      ...READY,
      text('Fleet', '.spec.fleetRef.name', 'The fleet that serves it.', 1),
      text('Unresolved', '.spec.unresolvedRecipients.action', 'Who answers for unknown addresses.', 1),
      MESSAGE,
    ],
    scale: false,
  },
  TenantRoute: {
    plural: 'tenantroutes',
    singular: 'tenantroute',
    shortName: 'troute',
    description: 'A mail system and the way to and from it.',
    spec: tenantRouteSpec,
    specOptional: false,
    status: tenantRouteStatus,
    rules: [],
    columns: [
      text('Domains', '.spec.domains[*]', 'Its routing domains.'),
      text('Next-Hop', '.spec.nextHop.hosts[0].host', 'The first host its mail is delivered to.'),
      ...READY,
      text('MX-Of', '.spec.nextHop.mxOf', 'The domain whose MX hosts its mail is delivered to.', 1),
      text('TLS', '.spec.nextHop.tls.mode', 'How connections to it are protected.', 1),
      MESSAGE,
    ],
    scale: false,
  },
  RewriteRule: {
    plural: 'rewriterules',
    singular: 'rewriterule',
    shortName: 'rwrule',
    description: 'Which tenant addresses are which shared addresses.',
    spec: rewriteRuleSpec,
    specOptional: false,
    status: rewriteRuleStatus,
    rules: [],
    columns: [
      text('Domain', '.spec.sharedDomainRef.name', 'The SharedDomain.'),
      text('Tenant', '.spec.tenantRouteRef.name', 'The TenantRoute.'),
      number('Entries', '.status.entries', 'Entries in force.'),
      number('Rejected', '.status.rejectedEntries', 'Entries that are left out.'),
      ...READY,
      text('Direction', '.spec.direction', 'Outbound, inbound or both.', 1),
      text('Mode', '.spec.mode', 'Whether it rewrites or only says what it would.', 1),
      MESSAGE,
    ],
    scale: false,
  },
} as const satisfies Record<string, KindSchema>;

export type Kind = keyof typeof SCHEMAS;
export const KINDS = Object.keys(SCHEMAS) as Kind[];

export type IsthmusResource = RelayFleet | SharedDomain | TenantRoute | RewriteRule;
