/** Gives each name that two resources claim to one of them, and tells the others who holds it. */

import { contest, type Loss } from './contest.ts';
import type { CompileMemory } from './memory.ts';
import { byAge, listed, shown } from './order.ts';
import { atPlace, countRows } from './rejected-rows.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import { claimedAddresses } from './rows.ts';
import type { RunningConfigurations } from './running.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import { describeClaim, sourceClaims, tenantClaims, withoutClaims } from './source-claims.ts';
import type { TenantRouteDraft } from './tenant-route.ts';

/** As many names as a message may repeat (api.md, "Who holds a name"). */
const NAMES = 10;
const FINDINGS = 100;

interface Claimant {
  readonly name: string;
  readonly created: string | undefined;
}

/** The first recorded holder that still claims, else the oldest. */
function holderOf<T extends Claimant>(claimants: readonly T[], recorded: readonly string[]): T | undefined {
  const still = recorded.find((name) => claimants.some((claimant) => claimant.name === name));
  return claimants.find(({ name }) => name === still) ?? [...claimants].sort(byAge)[0];
}

function claimantsBy<T>(drafts: readonly T[], keysOf: (draft: T) => Iterable<string>): Map<string, T[]> {
  const claimants = new Map<string, T[]>();
  for (const draft of drafts) {
    for (const key of new Set(keysOf(draft))) claimants.set(key, [...(claimants.get(key) ?? []), draft]);
  }
  return claimants;
}

export function settleSharedDomains(drafts: readonly SharedDomainDraft[], running: RunningConfigurations): void {
  const valid = drafts.filter(({ report, domain }) => report.accepted && domain !== undefined);
  for (const [domain, claimants] of claimantsBy(valid, (draft) => (draft.domain === undefined ? [] : [draft.domain]))) {
    if (claimants.length < 2) continue;
    const holder = holderOf(claimants, running.sharedDomainHolders(domain));
    for (const draft of claimants) {
      if (draft === holder) continue;
      const message = `The domain ${domain} is held by SharedDomain "${holder?.name}": delete one of the two.`;
      draft.report.reject('Conflicted', message, 'spec.domain');
    }
  }
}

/** Routing domains and sources of the routes of one fleet. */
export function settleTenantRoutes(
  drafts: readonly TenantRouteDraft[],
  sharedDomains: readonly SharedDomainDraft[],
  fleet: string,
  running: RunningConfigurations,
): void {
  const valid = drafts.filter(({ report }) => report.accepted);
  for (const draft of valid) refuseSharedDomains(draft, sharedDomains);
  for (const [domain, claimants] of claimantsBy(valid, ({ domains }) => domains)) {
    if (claimants.length < 2) continue;
    const holder = holderOf(claimants, running.routingDomainHolders(fleet, domain));
    for (const draft of claimants) {
      if (draft !== holder) loseDomain(draft, domain, `The domain ${domain} is held by TenantRoute "${holder?.name}".`);
    }
  }
  for (const draft of valid) {
    if (draft.domains.length > 0 || (draft.spec?.domains ?? []).length === 0) continue;
    draft.report.rejectWhole('Conflicted', 'All of its domains are held by others.');
  }
  settleSources(
    valid.filter(({ report }) => report.accepted),
    fleet,
    running,
  );
}

/** A shared domain belongs to all its tenants, whatever is older; a subdomain of one is a normal routing domain. */
function refuseSharedDomains(draft: TenantRouteDraft, sharedDomains: readonly SharedDomainDraft[]): void {
  for (const domain of draft.domains) {
    const owner = sharedDomains.find((sharedDomain) => sharedDomain.domain === domain);
    if (owner === undefined) continue;
    const message = `The domain ${domain} is SharedDomain "${owner.name}" and cannot be routed to one tenant.`;
    loseDomain(draft, domain, message);
  }
}

function loseDomain(draft: TenantRouteDraft, domain: string, message: string): void {
  const index = draft.spec?.domains?.indexOf(domain) ?? -1;
  draft.report.partial('Conflicted', message, [
    { path: index < 0 ? 'spec.domains' : `spec.domains[${index}]`, message },
  ]);
  draft.domains = draft.domains.filter((each) => each !== domain);
}

function settleSources(drafts: readonly TenantRouteDraft[], fleet: string, running: RunningConfigurations): void {
  // An entry without its tenant id is gone, and whatever else it claimed is free.
  settleClaims(drafts, tenantClaims, fleet, running);
  settleClaims(drafts, sourceClaims, fleet, running);
}

function settleClaims(
  drafts: readonly TenantRouteDraft[],
  claimsOf: typeof sourceClaims,
  fleet: string,
  running: RunningConfigurations,
): void {
  const lost = new Map<TenantRouteDraft, Map<string, string>>();
  for (const [claim, claimants] of claimantsBy(drafts, ({ sources }) => sources.flatMap(claimsOf))) {
    if (claimants.length < 2) continue;
    const holder = holderOf(claimants, running.sourceHolders(fleet, claim));
    for (const draft of claimants) {
      if (draft === holder || holder === undefined) continue;
      lost.set(draft, (lost.get(draft) ?? new Map<string, string>()).set(claim, holder.name));
    }
  }
  for (const [draft, claims] of lost) {
    for (const [holder, held] of groupByHolder(claims)) {
      const names = listed(held.map(describeClaim), NAMES);
      const message = `Sources that TenantRoute "${holder}" holds: ${names}. Mail from there counts as its mail.`;
      draft.report.partial('Conflicted', message, [{ path: 'spec.sources', message }]);
    }
    draft.sources = withoutClaims(draft.sources, new Set(claims.keys()));
  }
}

function groupByHolder(claims: ReadonlyMap<string, string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [claim, holder] of claims) groups.set(holder, [...(groups.get(holder) ?? []), claim]);
  return groups;
}

export interface RuleContest {
  readonly namespace: string;
  readonly fleet: string;
  readonly running: RunningConfigurations;
  readonly memory: CompileMemory;
}

/** Addresses and domains of the rules of one fleet. */
export function settleRewriteRules(
  drafts: readonly RewriteRuleDraft[],
  { namespace, fleet, running, memory }: RuleContest,
): void {
  const losses = contest(drafts, memory.claims(namespace, fleet), (names, isDisputed) =>
    running.addressHolders(fleet, names, isDisputed),
  );
  for (const [draft, lost] of losses) {
    const { claimed: rows, formerRows } = draft;
    const isFormer = ({ number }: Loss) => number >= rows.length;
    const current = lost.filter((loss) => !isFormer(loss));
    const numbers = current.map(({ number }) => number);
    const former = lost.filter(isFormer).map(({ number }) => number - rows.length);
    const { kept, keptFormer } = draft.memory;
    draft.lost = new Set(numbers);
    draft.rows = kept.of([rows, ...numbers], () => rows.without(new Set(numbers)));
    draft.formerRows = keptFormer.of([formerRows, ...former], () => formerRows.without(new Set(former)));
    draft.rejected += current.length;
    draft.heldAddresses = [
      ...draft.heldAddresses,
      ...current.flatMap(({ row }) => (row.kind === 'Address' ? claimedAddresses(row) : [])),
    ];
    draft.heldTenantDomains = [
      ...draft.heldTenantDomains,
      ...current.flatMap(({ row }) => (row.kind === 'Domain' && row.direction !== 'InboundOnly' ? [row.internal] : [])),
    ];
    sayLosses(draft, current);
  }
}

function sayLosses(draft: RewriteRuleDraft, lost: readonly Loss[]): void {
  const holders = new Map<string, Loss[]>();
  for (const loss of lost) {
    const losses = holders.get(loss.holder);
    if (losses === undefined) holders.set(loss.holder, [loss]);
    else losses.push(loss);
  }
  for (const [holder, losses] of holders) {
    const names = draft.confidential
      ? ''
      : `: ${listed(
          losses.map(({ name }) => shown(name)),
          NAMES,
        )}`;
    const message = `${countRows(losses.length)} of addresses that RewriteRule "${holder}" holds${names}.`;
    const parts = losses.slice(0, FINDINGS).map(({ row, name }) => {
      const what = draft.confidential ? 'an address' : shown(name);
      return { path: row.place.path, message: atPlace(row.place, `${what} is held by RewriteRule "${holder}".`) };
    });
    const rest = losses.length - parts.length;
    const more =
      rest > 0 ? [{ message: `And ${rest} more rows of addresses that RewriteRule "${holder}" holds.` }] : [];
    draft.report.partial('Conflicted', message, [...parts, ...more]);
  }
}
