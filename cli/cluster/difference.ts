/** Which resources the pods run otherwise than they are written: changes that are not in force yet, or never came to be. */

import { canonical } from '../../operator/slots/parts.ts';
import type { RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';

/** `RewriteRule john`, sorted. Credentials have other names in every program that compiles them: they are not compared. */
export function differing(written: RelayConfig, running: RelayConfig): string[] {
  const now = partsOf(running);
  const then = partsOf(written);
  const names = new Set([...now.keys(), ...then.keys()]);
  return [...names].filter((name) => now.get(name) !== then.get(name)).sort();
}

function partsOf({ sharedDomains, tenantRoutes, rewriteRules }: RelayConfig): Map<string, string> {
  return new Map([
    ...sharedDomains.map(({ dkim, ...domain }): [string, string] => [
      `SharedDomain ${domain.name}`,
      canonical({ ...domain, dkim: dkim.map(({ selector }) => selector) }),
    ]),
    ...tenantRoutes.map(({ name, sharedDomains: domains, domains: own, nextHop, fromInternet }): [string, string] => [
      `TenantRoute ${name}`,
      canonical({ domains, own, hosts: nextHop.hosts, mxOf: nextHop.mxOf, mode: nextHop.tls.mode, fromInternet }),
    ]),
    ...rewriteRules.map((rule): [string, string] => [`RewriteRule ${rule.name}`, ruleText(rule)]),
  ]);
}

/** What was published was cut into pieces by hash: its rows are in another order, which means nothing. */
function ruleText({ addresses, domains, ...rule }: RewriteRuleConfig): string {
  return canonical({
    ...rule,
    addresses: addresses.map((row) => canonical(row)).sort(),
    domains: domains.map((row) => canonical(row)).sort(),
  });
}
