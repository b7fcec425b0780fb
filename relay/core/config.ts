/** RelayConfig: the contract between whoever compiles resources and the relay that runs them. It belongs to its reader, the relay. */

import { z } from 'zod';

/** The one format this relay writes down and reads. A relay reads N and N−1. */
export const CONFIG_FORMAT = 1;

/** A domain as A-labels in lower case, no trailing dot. */
const domain = z.string();
/**
 * Names a PEM or text among the credentials that travel beside the configuration; made from the content's hash, so a
 * changed Secret is a changed id.
 */
const credentialId = z.string();

const limits = z.object({
  messageBytes: z.number(),
  recipientsPerMessage: z.number(),
  headerBytes: z.number(),
  hops: z.number(),
  connections: z.number(),
  connectionsPerClient: z.number(),
  messagesPerMinutePerClient: z.number(),
  minimumBytesPerSecond: z.number(),
  commandTimeoutSeconds: z.number(),
  deliveryTimeoutSeconds: z.number(),
});

const addressFamily = z.enum(['IPv4', 'IPv6', 'Any']);

const nextHop = z.object({
  /** Tried in order. Exactly one of hosts and mxOf. */
  hosts: z.array(z.object({ host: z.string(), port: z.number() })).optional(),
  /** Deliver to the MX hosts of this domain. */
  mxOf: domain.optional(),
  tls: z.object({
    mode: z.enum(['Opportunistic', 'Required', 'Verified', 'Implicit']),
    /** The name the certificate must carry, and SNI; default: the host. */
    serverName: z.string().optional(),
    /** PEM of the authorities that vouch for the next hop; default: Node's bundled roots. */
    ca: credentialId.optional(),
  }),
  /** PEM of certificate chain and key shown to the next hop. */
  clientCertificate: z.object({ certificate: credentialId, key: credentialId }).optional(),
  auth: z.object({ username: credentialId, password: credentialId }).optional(),
  addressFamily,
  limits: z.object({ connections: z.number().optional(), messagesPerMinute: z.number().optional() }),
});

const source = z.object({
  /** Canonical CIDRs, IPv4 or IPv6; empty: any address. */
  cidrs: z.array(z.string()),
  /** Mail without TLS is answered 530 5.7.0 at MAIL. Always true when a certificate is asked for. */
  tlsRequired: z.boolean(),
  clientCertificate: z
    .object({
      /** Lower-case DNS names; `*.x` matches one label. The certificate must be valid for one of them. */
      names: z.array(z.string()),
      /** PEM of the authorities that are trusted for it; default: Node's bundled roots. */
      ca: credentialId.optional(),
      /** Only in held.sources, where a match does no more than defer: the authorities cannot be read, the name alone decides. */
      unverified: z.boolean().optional(),
    })
    .optional(),
  /**
   * Exchange Online: a verified certificate for one of the names makes the client a candidate, which every other customer is too;
   * the tenant's id in the header, or its organization in XOORG=, proves it (mail-flow §3).
   */
  exchangeOnline: z
    .object({
      /** Lower-case GUID. */
      tenantId: z.string(),
      /** Lower-case domains that XOORG= may name. */
      organizations: z.array(z.string()),
      /** Lower-case DNS names, as in clientCertificate. */
      certificateNames: z.array(z.string()),
      ca: credentialId.optional(),
      unverified: z.boolean().optional(),
    })
    .optional(),
});

export const tenantRouteSchema = z.object({
  /** metadata.name of the TenantRoute. */
  name: z.string(),
  /** Changes with the resource; part of the key under which connections are kept. */
  generation: z.string(),
  /** SharedDomain domains it takes part in. */
  sharedDomains: z.array(domain),
  /** Its own routing domains. */
  domains: z.array(domain),
  nextHop,
  sources: z.array(source),
  fromInternet: z.enum(['Refuse', 'Accept']),
  /** AtRcpt: its next hop refuses unknown recipients at RCPT, so that Discover may ask it. */
  recipientCheck: z.enum(['None', 'AtRcpt']).optional(),
});

export const sharedDomainSchema = z.object({
  domain,
  /** metadata.name of the SharedDomain. */
  name: z.string(),
  unresolvedRecipients: z.discriminatedUnion('action', [
    z.object({ action: z.literal('Reject') }),
    z.object({ action: z.literal('Route'), tenantRoute: z.string() }),
    /** Names of tenant routes, all with recipientCheck AtRcpt, in the order in which they are asked. */
    z.object({ action: z.literal('Discover'), order: z.array(z.string()) }),
  ]),
  /** Addresses that take mail for postmaster@ and abuse@ of the domain; undefined: the fleet's postmaster. */
  postmaster: z.string().optional(),
  abuse: z.string().optional(),
  recipientHeaders: z.enum(['Preserve', 'Rewrite']),
  inboundTlsRequired: z.boolean(),
  stripHeaders: z.enum(['Default', 'None']),
  signedMessages: z.enum(['RewriteOuter', 'PassThrough', 'Reject']),
  /** Only keys that sign now (state Active). */
  dkim: z.array(z.object({ selector: z.string(), key: credentialId, algorithm: z.literal('RSA2048') })),
});

export const DIRECTIONS = ['Both', 'OutboundOnly', 'InboundOnly'] as const;
const direction = z.enum(DIRECTIONS);

export const rewriteRuleSchema = z.object({
  /** metadata.name of the RewriteRule. */
  name: z.string(),
  sharedDomain: domain,
  tenantRoute: z.string(),
  mode: z.enum(['Enforce', 'Audit']),
  /** Recipient domains for whose mail it rewrites outbound; undefined: all. Never restricts inbound resolving. */
  onlyTo: z.array(domain).optional(),
  /** [internal, external, direction]; mailboxes as formatMailbox() writes them. */
  addresses: z.array(z.tuple([z.string(), z.string(), direction])),
  domains: z.array(
    z.object({
      internal: domain,
      external: domain,
      /** `*.internal` as well; outbound only. */
      includeSubdomains: z.boolean(),
      direction,
      /** Domains below `internal` that it leaves alone. */
      exceptions: z.array(domain),
    }),
  ),
});

/** What is left out or has disappeared and must be answered 451 4.3.5, never 550 (operator.md: "left out is not unknown"). */
const held = z.object({
  /** Recipient domains, and sender domains, of resources that are left out. */
  domains: z.array(domain),
  /** Single addresses, tenant and shared, as formatMailbox() writes them. */
  addresses: z.array(z.string()),
  /** Shared domains of which addresses that no rule resolves are held, because one of their rules is not in force. */
  unresolvedOf: z.array(domain),
  /** Routing domains of which addresses that no rule resolves are held, because a rule of their route cannot be read. */
  unreadableTenantDomains: z.array(domain),
  /** Clients that match one of these are answered 451 at RCPT. */
  sources: z.array(source),
  /** Mail for the internet is answered 451 at RCPT: something the smart host needs cannot be read, and fleet.outbound is not to be used. */
  outbound: z.boolean().optional(),
});

export const relayConfigSchema = z.object({
  format: z.literal(CONFIG_FORMAT),
  /** Hash of everything below and of every credential: the name of this configuration in /status. */
  revision: z.string(),
  fleet: z.object({
    name: z.string(),
    hostname: z.string(),
    postmaster: z.string().optional(),
    /** Keys of our trace field, the one that signs first, then those that are still believed. */
    traceKeys: z.array(credentialId).optional(),
    tls: z.object({
      minVersion: z.enum(['TLSv1.2', 'TLSv1.3']),
      /** undefined: the relay's own options or its self-signed certificate. */
      certificate: credentialId.optional(),
      key: credentialId.optional(),
    }),
    outbound: z.discriminatedUnion('route', [
      z.object({
        route: z.literal('MX'),
        addressFamily,
        dnsServers: z.array(z.string()),
        egressCIDRs: z.array(z.string()),
      }),
      z.object({
        route: z.literal('SmartHost'),
        smartHost: nextHop,
        dnsServers: z.array(z.string()),
        egressCIDRs: z.array(z.string()),
      }),
    ]),
    limits,
    /** Whose PROXY lines are believed; left out: nobody's. */
    proxyProtocol: z
      .object({
        /** Optional: a trusted peer may be a client itself. Required: nobody else may connect. */
        mode: z.enum(['Optional', 'Required']),
        /** Canonical CIDRs. */
        trustedCIDRs: z.array(z.string()),
      })
      .optional(),
    lameDuckSeconds: z.number(),
    drainSeconds: z.number(),
  }),
  sharedDomains: z.array(sharedDomainSchema),
  tenantRoutes: z.array(tenantRouteSchema),
  rewriteRules: z.array(rewriteRuleSchema),
  held,
});

export type RelayConfig = z.infer<typeof relayConfigSchema>;
export type SharedDomainConfig = z.infer<typeof sharedDomainSchema>;
export type TenantRouteConfig = z.infer<typeof tenantRouteSchema>;
export type RewriteRuleConfig = z.infer<typeof rewriteRuleSchema>;
export type NextHopConfig = z.infer<typeof nextHop>;
export type SourceConfig = z.infer<typeof source>;
export type HeldConfig = z.infer<typeof held>;
export type ProxyProtocolConfig = NonNullable<RelayConfig['fleet']['proxyProtocol']>;
export type LimitsConfig = z.infer<typeof limits>;
export type Direction = (typeof DIRECTIONS)[number];

/** What a RelayConfig's credential ids stand for: PEM texts, user names, passwords. Never logged, never in /status. */
export type Credentials = ReadonlyMap<string, string>;
