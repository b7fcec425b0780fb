/** What is held: left out is not unknown, and mail about it waits (operator.md). */

import { isSubdomainOf } from './address.ts';
import type { RelayConfig } from './config.ts';
import { splitAddress } from './packed-rows.ts';

type LocalParts = ReadonlyMap<string, ReadonlySet<string>>;

export interface HeldIndex {
  readonly addresses: { readonly texts: readonly string[]; readonly localParts: LocalParts };
  /** Lower-case local parts of single addresses that are held. */
  localPartsOf(domain: string): ReadonlySet<string> | undefined;
  /** Whether addresses of the domain that no rule resolves are held. */
  coversDomain(domain: string): boolean;
}

/** `before`: after an accident a million addresses are held, by every configuration until it is mended. */
export function buildHeldIndex({ held, tenantRoutes }: RelayConfig, before?: HeldIndex): HeldIndex {
  const domains = new Set([...held.domains, ...held.unreadableTenantDomains]);
  const routingDomains = new Set(tenantRoutes.flatMap((route) => route.domains));
  const addresses =
    before !== undefined && sameTexts(before.addresses.texts, held.addresses)
      ? before.addresses
      : { texts: held.addresses, localParts: byDomain(held.addresses) };
  const { localParts } = addresses;
  return {
    addresses,
    localPartsOf: (domain) => localParts.get(domain),
    coversDomain: (domain) =>
      domains.has(domain) ||
      // The rule that cannot be read may be a `*.domain`; another tenant's routing domain it cannot name.
      (!routingDomains.has(domain) && held.unreadableTenantDomains.some((parent) => isSubdomainOf(domain, parent))),
  };
}

function byDomain(addresses: readonly string[]): LocalParts {
  const localParts = new Map<string, Set<string>>();
  for (const text of addresses) {
    const split = splitAddress(text);
    // Without its text: the reason is shown in /status.
    if (!split.ok) throw new Error(`held.addresses of the configuration holds an address that ${split.reason}`);
    const { localPart, domain } = split.value;
    const present = localParts.get(domain);
    if (present === undefined) localParts.set(domain, new Set([localPart]));
    else present.add(localPart);
  }
  return localParts;
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}
