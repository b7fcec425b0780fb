/** Who holds each name in two compilations, and which names another resource would hold, or nobody. */

import { describeClaim, sourceClaims } from '../../operator/compile/source-claims.ts';
import type { CompileResult } from '../../operator/compile/result.ts';
import type { RelayConfig, RewriteRuleConfig } from '../../relay/core/config.ts';

export interface Handover {
  readonly namespace: string;
  /** `RewriteRule john`. */
  readonly from: string;
  /** undefined: nobody holds them then. */
  readonly to: string | undefined;
  /** In words, in the order of the configuration. */
  readonly names: readonly string[];
}

/** Only what somebody holds before: a new name takes nothing from anybody. */
export function handovers(before: CompileResult, after: CompileResult): Handover[] {
  return before.fleets.flatMap(({ namespace, name, config }) => {
    const other = after.fleets.find((fleet) => fleet.namespace === namespace && fleet.name === name)?.config;
    const lost = lostNames(config, other);
    const groups = new Map<string, { from: string; to: string | undefined; names: string[] }>();
    for (const { from, to, what } of lost) {
      const key = `${from}\n${to ?? ''}`;
      const group = groups.get(key) ?? { from, to, names: [] };
      group.names.push(what);
      groups.set(key, group);
    }
    return [...groups.values()].map((group) => ({ namespace, ...group }));
  });
}

interface Loss {
  readonly from: string;
  readonly to: string | undefined;
  readonly what: string;
}

function lostNames(before: RelayConfig, after: RelayConfig | undefined): Loss[] {
  const now = namesOf(before);
  const then = after === undefined ? new Map<string, string>() : namesOf(after);
  const ofResources = [...now].flatMap(([what, from]): Loss[] => {
    const to = then.get(what);
    return to === from ? [] : [{ from, to, what }];
  });
  return [...ofResources, ...lostAddresses(before.rewriteRules, after?.rewriteRules ?? [])];
}

/** Domains, routing domains and sources, of which there are few. */
function namesOf({ sharedDomains, tenantRoutes }: RelayConfig): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name, domain } of sharedDomains) names.set(`the domain ${domain}`, `SharedDomain ${name}`);
  for (const { name, domains, sources } of tenantRoutes) {
    for (const domain of domains) names.set(`the routing domain ${domain}`, `TenantRoute ${name}`);
    for (const claim of sources.flatMap(sourceClaims)) {
      names.set(`the source ${describeClaim(claim)}`, `TenantRoute ${name}`);
    }
  }
  return names;
}

/** A million of them may be there: only those of rules that differ are compared. */
function lostAddresses(before: readonly RewriteRuleConfig[], after: readonly RewriteRuleConfig[]): Loss[] {
  const then = new Map(after.map((rule) => [rule.name, rule]));
  const now = new Map(before.map((rule) => [rule.name, rule]));
  const differs = ({ name }: RewriteRuleConfig) => JSON.stringify(now.get(name)) !== JSON.stringify(then.get(name));
  const holders = new Map<string, string>();
  for (const rule of after.filter(differs)) {
    for (const what of addressesOf(rule)) holders.set(what, `RewriteRule ${rule.name}`);
  }
  return before.filter(differs).flatMap((rule) => {
    const from = `RewriteRule ${rule.name}`;
    return addressesOf(rule).flatMap((what): Loss[] => {
      const to = holders.get(what);
      return to === from ? [] : [{ from, to, what }];
    });
  });
}

/** The shared side, which the world writes to. A rule in Audit holds nothing. */
function addressesOf({ mode, addresses, domains }: RewriteRuleConfig): string[] {
  if (mode === 'Audit') return [];
  return [
    ...new Set([
      ...domains.map(({ external }) => `every address of ${external}`),
      ...addresses.map(([, external]) => external),
    ]),
  ];
}
