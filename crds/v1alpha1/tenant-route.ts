/** TenantRoute: one mail system and the way to and from it. */

import { z } from 'zod';
import { CONDITION_TYPES, conditions, observedGeneration, UNOBSERVED } from './conditions.ts';
import type { Resource } from './metadata.ts';
import { exchangeOnline } from './exchange-online.ts';
import { certificateName, domainName, network } from './names.ts';
import { nextHop } from './next-hop.ts';
import { objectName, SECRET_KEYS, secretKeyRef } from './references.ts';
import { atomic, mapBy, set, withRules } from './rules.ts';

const clientCertificate = withRules(
  z.object({
    names: set(z.array(certificateName('A DNS name; a first label * stands for one label.')).min(1).max(32)).describe(
      'The certificate must be valid for one of these names.',
    ),
    caSecretRef: secretKeyRef(
      SECRET_KEYS.authorities,
      "PEM certificates of the authorities that are trusted for it. Default: the fleet's tls.clientCASecretRef, else " +
        "Node.js's bundled roots.",
    ).optional(),
  }),
  {
    rule: "self.names.all(n, !n.endsWith('.protection.outlook.com'))",
    message:
      'every customer of Exchange Online shows this certificate, so it would make all of them this tenant: set ' +
      'exchangeOnline, which also asks for the tenant',
  },
);

const source = withRules(
  z.object({
    cidrs: atomic(z.array(network('A network.')).min(1).max(256))
      .describe(
        'The client connects from one of these networks. Those of Exchange Online belong to all of its customers and ' +
          'need exchangeOnline as well.',
      )
      .optional(),
    tls: z
      .enum(['Opportunistic', 'Required'])
      .default('Opportunistic')
      .describe('Required: without TLS it is answered 530 5.7.0. clientCertificate and exchangeOnline imply it.'),
    clientCertificate: clientCertificate.describe('The client shows a certificate.').optional(),
    exchangeOnline: exchangeOnline
      .describe('The client is Exchange Online and proves that it sends for this tenant.')
      .optional(),
  }),
  {
    rule: 'has(self.cidrs) || has(self.clientCertificate) || has(self.exchangeOnline)',
    message: 'say how the client is recognised: set cidrs, clientCertificate or exchangeOnline',
  },
  {
    rule: '!(has(self.clientCertificate) && has(self.exchangeOnline))',
    message: 'set clientCertificate or exchangeOnline, not both: exchangeOnline asks for a certificate of its own',
  },
  {
    rule:
      'has(self.clientCertificate) || has(self.exchangeOnline) || !has(self.cidrs) || ' +
      'self.cidrs.all(c, !(c in ["0.0.0.0/0", "::/0"]))',
    message:
      'this would make the whole internet this tenant, an open relay: name its own networks, or demand a ' +
      'clientCertificate as well',
  },
);

const limits = z.object({
  connections: z
    .int()
    .min(1)
    .max(10000)
    .describe('The most connections of one pod to its next hop. Left out: no bound of its own.')
    .optional(),
  messagesPerMinute: z
    .int()
    .min(1)
    .max(1000000)
    .describe('The most messages a minute of one pod to its next hop. Left out: no bound.')
    .optional(),
});

export const tenantRouteSpec = z.object({
  sharedDomainRefs: mapBy(
    'name',
    z
      .array(z.object({ name: objectName('Name of a SharedDomain in the same namespace.') }))
      .min(1)
      .max(64),
  ).describe('The shared domains it takes part in; all on one fleet.'),
  domains: set(z.array(domainName('A routing domain.')).max(256))
    .describe(
      'Its own routing domains, such as tenant1.example, each in one TenantRoute of the fleet only. Left out for an ' +
        'authority whose mailboxes are the shared addresses themselves.',
    )
    .optional(),
  nextHop: nextHop('Where its mail is delivered.'),
  sources: atomic(z.array(source).max(32))
    .describe(
      'How mail from it is recognised. One entry that matches suffices; within an entry everything stated must hold. ' +
        'Left out: nothing is ever taken for its mail.',
    )
    .optional(),
  fromInternet: z
    .enum(['Refuse', 'Accept'])
    .default('Refuse')
    .describe('May the internet reach its routing domains through this relay? Their MX usually points elsewhere.'),
  recipientCheck: z
    .enum(['None', 'AtRcpt'])
    .default('None')
    .describe(
      'AtRcpt: its next hop refuses unknown recipients at RCPT, so that a SharedDomain may ask it (unresolvedRecipients ' +
        'Discover). None: it takes any recipient and perhaps bounces the mail later.',
    ),
  limits: limits.prefault({}).describe('How much is asked of its next hop.'),
});

export const tenantRouteStatus = z
  .object({ observedGeneration, conditions: conditions(CONDITION_TYPES.TenantRoute).optional() })
  .default(UNOBSERVED);

export type TenantRouteSpec = z.output<typeof tenantRouteSpec>;
export type TenantRouteStatus = z.output<typeof tenantRouteStatus>;
export type TenantRoute = Resource<'TenantRoute', TenantRouteSpec, TenantRouteStatus>;
