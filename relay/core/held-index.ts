/** Which addresses are held: what is left out is not unknown, and mail about it waits (operator.md). */

import { isSubdomainOf, type Mailbox, mailboxKey, parseMailbox, withoutTag } from './address.ts';
import type { RelayConfig } from './config.ts';

export interface HeldIndex {
  /** By its address, its domain, or a rule of its tenant that cannot be read. */
  covers(mailbox: Mailbox): boolean;
  /** By its address alone. */
  coversAddress(mailbox: Mailbox): boolean;
}

export function buildHeldIndex({ held, tenantRoutes }: RelayConfig): HeldIndex {
  const domains = new Set(held.domains);
  const addresses = new Set(held.addresses.map(keyOf));
  const unreadable = held.unreadableTenantDomains;
  const routingDomains = new Set(tenantRoutes.flatMap((route) => route.domains));

  const coversAddress = (mailbox: Mailbox): boolean => {
    if (addresses.size === 0) return false;
    if (addresses.has(mailboxKey(mailbox))) return true;
    const untagged = withoutTag(mailbox);
    return untagged !== undefined && addresses.has(mailboxKey(untagged.mailbox));
  };
  // `*.domain` stands for what a rule that is left out would flatten.
  const flattened = held.domains.filter((domain) => domain.startsWith('*.')).map((domain) => domain.slice(2));
  const coversDomain = (domain: string): boolean =>
    domains.has(domain) ||
    flattened.some((parent) => isSubdomainOf(domain, parent)) ||
    unreadable.some(
      (tenantDomain) =>
        domain === tenantDomain ||
        // The rule that cannot be read may be a `*.domain`; another tenant's routing domain it cannot name.
        (isSubdomainOf(domain, tenantDomain) && !routingDomains.has(domain)),
    );
  return { covers: (mailbox) => coversDomain(mailbox.domain) || coversAddress(mailbox), coversAddress };
}

function keyOf(text: string): string {
  const parsed = parseMailbox(text);
  return parsed.ok ? mailboxKey(parsed.value) : text;
}
