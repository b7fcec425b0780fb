/** What is held: left out is not unknown, and mail about it waits (operator.md). */

import { isSubdomainOf, lowerAscii, parseMailbox } from './address.ts';
import type { RelayConfig } from './config.ts';

export interface HeldIndex {
  /** Lower-case local parts of single addresses that are held. */
  localPartsOf(domain: string): ReadonlySet<string> | undefined;
  /** Whether addresses of the domain that no rule resolves are held. */
  coversDomain(domain: string): boolean;
}

export function buildHeldIndex({ held, tenantRoutes }: RelayConfig): HeldIndex {
  const domains = new Set([...held.domains, ...held.unreadableTenantDomains]);
  const routingDomains = new Set(tenantRoutes.flatMap((route) => route.domains));
  const localParts = new Map<string, Set<string>>();
  for (const text of held.addresses) {
    const parsed = parseMailbox(text);
    if (!parsed.ok)
      throw new Error(`held.addresses of the configuration holds ${JSON.stringify(text)}: it ${parsed.reason}`);
    const { localPart, domain } = parsed.value;
    const present = localParts.get(domain);
    if (present === undefined) localParts.set(domain, new Set([lowerAscii(localPart)]));
    else present.add(lowerAscii(localPart));
  }
  return {
    localPartsOf: (domain) => localParts.get(domain),
    coversDomain: (domain) =>
      domains.has(domain) ||
      // The rule that cannot be read may be a `*.domain`; another tenant's routing domain it cannot name.
      (!routingDomains.has(domain) && held.unreadableTenantDomains.some((parent) => isSubdomainOf(domain, parent))),
  };
}
