/** RewriteRule: which tenant address is which shared address. */

import { z } from 'zod';
import { CONDITION_TYPES, conditions, observedGeneration, UNOBSERVED } from './conditions.ts';
import type { Resource } from './metadata.ts';
import { domainName, mailAddress } from './names.ts';
import { keyRef, objectName, reference } from './references.ts';
import { atomic, withRules } from './rules.ts';

/** Of one rule. */
export const MOST_TABLES = 16;

const count = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

const address = z.object({
  internal: mailAddress("The tenant address, in one of the TenantRoute's domains."),
  external: mailAddress('The shared address, in the SharedDomain.'),
});

const table = withRules(
  z.object({
    configMapKeyRef: keyRef('ConfigMap', 'A table in a ConfigMap.').optional(),
    secretKeyRef: keyRef('Secret', 'A table in a Secret.').optional(),
  }),
  {
    rule: 'has(self.configMapKeyRef) != has(self.secretKeyRef)',
    message: 'set exactly one of configMapKeyRef and secretKeyRef',
  },
);

const domain = withRules(
  z.object({
    internal: domainName("One of the TenantRoute's domains."),
    external: domainName("The SharedDomain's domain."),
    subdomains: z
      .enum(['Exclude', 'Include'])
      .default('Exclude')
      .describe('Include: every domain below internal too. It works outbound only, as flattening cannot be undone.'),
    exceptions: atomic(z.array(domainName('A domain below internal.')).max(100))
      .describe('Domains below internal that are left alone. Needs subdomains: Include.')
      .optional(),
  }),
  {
    rule: "!has(self.exceptions) || self.exceptions.size() == 0 || self.subdomains == 'Include'",
    message: 'exceptions are domains below internal: set subdomains to Include or leave them out',
  },
  {
    rule: "!has(self.exceptions) || self.exceptions.all(e, e.endsWith('.' + self.internal))",
    message: 'every exception must be a domain below internal',
  },
);

export const rewriteRuleSpec = withRules(
  z.object({
    sharedDomainRef: reference('SharedDomain', 'The domain of the shared addresses.'),
    tenantRouteRef: reference('TenantRoute', 'The tenant whose addresses these are. It must list the shared domain.'),
    addresses: atomic(z.array(address).min(1).max(1000))
      .describe('Pairs of addresses. Set one of addresses, addressesFrom and domain.')
      .optional(),
    addressesFrom: atomic(z.array(table).min(1).max(MOST_TABLES))
      .describe(
        'CSV tables, plain or gzip (key ending in .csv.gz), with the columns Name, InternalAddress, ExternalAddress ' +
          "and, if wanted, ExceptionList, OutboundOnly, InboundOnly: what Exchange's cmdlets export.",
      )
      .optional(),
    domain: domain.describe('Every address of one domain, local part unchanged.').optional(),
    direction: z
      .enum(['Both', 'OutboundOnly', 'InboundOnly'])
      .describe(
        'Default: Both; OutboundOnly with subdomains: Include. InboundOnly is for aliases: several shared addresses ' +
          'of one mailbox, of which one is Both.',
      )
      .optional(),
    onlyTo: z
      .object({
        domains: atomic(z.array(domainName('A recipient domain.')).min(1).max(256)).describe(
          'Recipient domains, without those below them.',
        ),
      })
      .describe('Rewrite only mail for these recipient domains. Does not restrict who may write to the address.')
      .optional(),
    mode: z
      .enum(['Enforce', 'Audit'])
      .default('Enforce')
      .describe('Audit logs and counts what would change and changes nothing.'),
  }),
  {
    rule: '(has(self.addresses) ? 1 : 0) + (has(self.addressesFrom) ? 1 : 0) + (has(self.domain) ? 1 : 0) == 1',
    message: 'set exactly one of addresses, addressesFrom and domain',
  },
  {
    rule:
      "!has(self.domain) || self.domain.subdomains != 'Include' || !has(self.direction) || " +
      "self.direction == 'OutboundOnly'",
    message: 'subdomains: Include works outbound only: set direction to OutboundOnly or leave it out',
  },
);

export const rewriteRuleStatus = z
  .object({
    observedGeneration,
    conditions: conditions(CONDITION_TYPES.RewriteRule).optional(),
    entries: count.describe('Entries in force.').optional(),
    rejectedEntries: count.describe('Entries that are left out; PartiallyInvalid says why.').optional(),
    sources: atomic(
      z
        .array(
          z.object({
            kind: z.enum(['ConfigMap', 'Secret']).describe('Kind of the table.'),
            name: objectName('Name of the table.'),
            resourceVersion: z.string().max(128).describe('The version of it that was read.'),
          }),
        )
        .max(MOST_TABLES),
    )
      .describe('The tables that were read.')
      .optional(),
  })
  .default(UNOBSERVED);

export type RewriteRuleSpec = z.output<typeof rewriteRuleSpec>;
export type RewriteRuleStatus = z.output<typeof rewriteRuleStatus>;
export type RewriteRule = Resource<'RewriteRule', RewriteRuleSpec, RewriteRuleStatus>;
