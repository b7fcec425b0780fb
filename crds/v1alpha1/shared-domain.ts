/** SharedDomain: one mail domain that several tenants share. */

import { z } from 'zod';
import { CONDITION_TYPES, conditions, observedGeneration, UNOBSERVED } from './conditions.ts';
import type { Resource } from './metadata.ts';
import { dkimSelector, domainName, mailAddress } from './names.ts';
import { DEFAULT_FLEET, objectName, reference, SECRET_KEYS, secretKeyRef } from './references.ts';
import { mapBy, withRules } from './rules.ts';

const count = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

const unresolvedRecipients = withRules(
  z.object({
    action: z
      .enum(['Reject', 'Route', 'Discover'])
      .default('Reject')
      .describe(
        'Reject: 550 5.1.1 at RCPT. Route: one tenant is the authority for all of them. Discover: tenants are asked ' +
          'one after another which of them knows the address.',
      ),
    tenantRouteRef: reference('TenantRoute', 'The authority when action is Route.').optional(),
    order: mapBy(
      'name',
      z
        .array(z.object({ name: objectName('Name of a TenantRoute in the same namespace.') }))
        .min(1)
        .max(64),
    )
      .describe(
        'Who is asked, in this order, when action is Discover: TenantRoutes of this domain with recipientCheck AtRcpt. ' +
          'Each is asked for the address in its first domain; the first that takes it gets the mail.',
      )
      .optional(),
  }),
  {
    rule: "(self.action == 'Route') == has(self.tenantRouteRef)",
    message: 'action Route and tenantRouteRef go together: set both, or another action and no tenantRouteRef',
  },
  {
    rule: "(self.action == 'Discover') == has(self.order)",
    message: 'action Discover and order go together: set both, or another action and no order',
  },
);

const inbound = z.object({
  recipientHeaders: z
    .enum(['Preserve', 'Rewrite'])
    .default('Preserve')
    .describe(
      'Preserve leaves To and Cc as the world wrote them, so that signatures stay valid. Rewrite puts in the ' +
        "receiving tenant's own addresses, so that its mail clients know them as their user.",
    ),
  tls: z
    .enum(['Opportunistic', 'Required'])
    .default('Opportunistic')
    .describe('Required: mail to this domain without TLS is refused with 530 5.7.0.'),
});

const outbound = z.object({
  stripHeaders: z
    .enum(['Default', 'None'])
    .default('Default')
    .describe('Default removes header fields that show how a tenant is built inside. None keeps them.'),
  signedMessages: z
    .enum(['RewriteOuter', 'PassThrough', 'Reject'])
    .default('RewriteOuter')
    .describe(
      'Signed or encrypted mail. RewriteOuter: only the outer header fields are rewritten. PassThrough: not even ' +
        'those. Reject: refused.',
    ),
});

const dkimKey = z.object({
  selector: dkimSelector('Selector; the public key is at <selector>._domainkey.<domain>.'),
  secretRef: secretKeyRef(SECRET_KEYS.dkim, 'The private key in PEM (PKCS #1 or PKCS #8).'),
  algorithm: z.enum(['RSA2048']).default('RSA2048').describe('The kind of key: RSA of 2048 bits or more.'),
  state: z
    .enum(['Active', 'Standby'])
    .default('Active')
    .describe('Active: signs. Standby: held ready while its DNS record spreads or old mail is still under way.'),
});

export const sharedDomainSpec = z.object({
  domain: withRules(domainName('The domain that the world sees. Cannot be changed.'), {
    rule: 'self == oldSelf',
    message: 'cannot be changed: make a new SharedDomain and delete this one',
  }),
  fleetRef: z
    .object({ name: objectName('Name of a RelayFleet in the same namespace.').default(DEFAULT_FLEET) })
    .prefault({})
    .describe('The pool of relays that serves this domain.'),
  unresolvedRecipients: unresolvedRecipients
    .prefault({})
    .describe('Who answers for an address of this domain that no RewriteRule resolves.'),
  postmaster: mailAddress("Where mail to postmaster of this domain goes. Default: the fleet's postmaster.").optional(),
  abuse: mailAddress("Where mail to abuse of this domain goes. Default: the domain's postmaster.").optional(),
  inbound: inbound.prefault({}).describe('Mail from the world to this domain.'),
  outbound: outbound.prefault({}).describe('Mail from the tenants to the world.'),
  dkim: mapBy('selector', z.array(dkimKey).max(8))
    .describe('Keys that sign mail from this domain; every active one signs.')
    .optional(),
});

export const sharedDomainStatus = z
  .object({
    observedGeneration,
    conditions: conditions(CONDITION_TYPES.SharedDomain).optional(),
    tenantCount: count.describe('TenantRoutes that take part.').optional(),
    addressCount: count.describe('Shared addresses that RewriteRules resolve.').optional(),
  })
  .default(UNOBSERVED);

export type SharedDomainSpec = z.output<typeof sharedDomainSpec>;
export type SharedDomainStatus = z.output<typeof sharedDomainStatus>;
export type SharedDomain = Resource<'SharedDomain', SharedDomainSpec, SharedDomainStatus>;
