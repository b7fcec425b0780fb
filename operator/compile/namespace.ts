/** Compiles one namespace, which is one trust domain: nothing in it refers to anything outside. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { CompileInput, InvalidResource, Resource, RunningFleet } from './input.ts';
import { draftFleet, type FleetDraft, implicitFleet } from './fleet.ts';
import { invalidReport, invalidRewriteRule, invalidSharedDomain, invalidTenantRoute } from './invalid.ts';
import type { Report } from './conditions.ts';
import { recallRows } from './former-rows.ts';
import type { CompileMemory } from './memory.ts';
import { Neighbours } from './neighbours.ts';
import { byName } from './order.ts';
import { settleRewriteRules, settleSharedDomains, settleTenantRoutes } from './ownership.ts';
import { draftRewriteRule, type RewriteRuleDraft } from './rewrite-rule.ts';
import { RunningConfigurations } from './running.ts';
import { compileSharedDomain, draftSharedDomain, type SharedDomainDraft } from './shared-domain.ts';
import { compileTenantRoute, draftTenantRoute, type TenantRouteDraft } from './tenant-route.ts';
import type { Tombstone } from './tombstones.ts';
import { compileUnresolved, warnOfNothingUnresolved } from './unresolved.ts';

export interface NamespaceContent {
  readonly namespace: string;
  readonly resources: readonly Resource[];
  readonly invalid: readonly InvalidResource[];
  readonly running: readonly RunningFleet[];
  readonly tombstones: readonly Tombstone[];
}

/** What became of everything in a namespace, each kind by name. */
export interface Namespace {
  readonly namespace: string;
  readonly fleets: readonly FleetDraft[];
  /** RelayFleets that fail their schema. */
  readonly invalidFleets: readonly Report[];
  readonly sharedDomains: readonly SharedDomainDraft[];
  readonly tenantRoutes: readonly TenantRouteDraft[];
  readonly rewriteRules: readonly RewriteRuleDraft[];
}

export function compileNamespace(content: NamespaceContent, input: CompileInput, memory: CompileMemory): Namespace {
  const running = new RunningConfigurations(content.running, content.tombstones);
  const invalidFleets = content.invalid.filter(({ kind }) => kind === 'RelayFleet').map(invalidReport);
  const fleets = draftFleets(content, invalidFleets.length > 0, input);
  const sharedDomains = byKey([
    ...ofKind(content, 'SharedDomain').map((resource) => draftSharedDomain(resource, fleets, input.domains ?? [])),
    ...invalidOfKind(content, 'SharedDomain').map((resource) => invalidSharedDomain(resource, fleets)),
  ]);
  settleSharedDomains([...sharedDomains.values()], running);
  for (const draft of sharedDomains.values()) compileSharedDomain(draft);
  const tenantRoutes = byKey([
    ...ofKind(content, 'TenantRoute').map((resource) => draftTenantRoute(resource, sharedDomains)),
    ...invalidOfKind(content, 'TenantRoute').map((resource) => invalidTenantRoute(resource, sharedDomains)),
  ]);
  for (const fleet of fleets.values()) {
    const routes = [...tenantRoutes.values()].filter((draft) => draft.fleet === fleet);
    settleTenantRoutes(routes, [...sharedDomains.values()], fleet.name, running);
  }
  for (const draft of tenantRoutes.values()) compileTenantRoute(draft, input.platform);
  for (const draft of sharedDomains.values()) compileUnresolved(draft, tenantRoutes);
  const version = (domains: readonly string[]) => memory.version(content.namespace, domains);
  const neighbours = new Neighbours(tenantRoutes.values(), sharedDomains.values(), version);
  const around = { sharedDomains, tenantRoutes, neighbours, input, memory };
  const rewriteRules = byKey([
    ...ofKind(content, 'RewriteRule').map((resource) => draftRewriteRule(resource, around)),
    ...invalidOfKind(content, 'RewriteRule').map((resource) => invalidRewriteRule(resource, around)),
  ]);
  for (const fleet of fleets.values()) {
    const rules = [...rewriteRules.values()].filter((draft) => fleetOfRule(draft) === fleet);
    for (const draft of rules) if (draft.unreadable) recallRows(draft, running.rules(fleet.name, draft.name));
    settleRewriteRules(rules.filter(mayClaim), { namespace: content.namespace, fleet: fleet.name, running, memory });
  }
  for (const draft of rewriteRules.values()) finishRule(draft);
  for (const draft of sharedDomains.values()) warnOfNothingUnresolved(draft, rewriteRules.values());
  return {
    namespace: content.namespace,
    fleets: [...fleets.values()],
    invalidFleets,
    sharedDomains: [...sharedDomains.values()],
    tenantRoutes: [...tenantRoutes.values()],
    rewriteRules: [...rewriteRules.values()],
  };
}

export function fleetOfRule({ sharedDomain, tenantRoute }: RewriteRuleDraft): FleetDraft | undefined {
  return sharedDomain?.fleet ?? tenantRoute?.fleet;
}

function draftFleets(content: NamespaceContent, hasInvalid: boolean, input: CompileInput): Map<string, FleetDraft> {
  const fleets = ofKind(content, 'RelayFleet').map((resource) => draftFleet(resource, input));
  const standIn = input.fromFiles === true && fleets.length === 0 && !hasInvalid;
  return byKey(standIn ? [implicitFleet(content.namespace, input)] : fleets);
}

function ofKind<K extends Kind>(content: NamespaceContent, kind: K): Extract<Resource, { kind: K }>[] {
  return content.resources.filter((resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind);
}

function invalidOfKind(content: NamespaceContent, kind: Kind): InvalidResource[] {
  return content.invalid.filter((resource) => resource.kind === kind);
}

function byKey<T extends { readonly name: string }>(drafts: readonly T[]): Map<string, T> {
  return new Map([...drafts].sort(byName).map((draft) => [draft.name, draft]));
}

/** A rule that may not speak of an address cannot keep others from it. */
function mayClaim(draft: RewriteRuleDraft): boolean {
  return (
    (draft.report.accepted || draft.spec === undefined) &&
    draft.sharedDomain !== undefined &&
    draft.tenantRoute !== undefined
  );
}

function finishRule(draft: RewriteRuleDraft): void {
  const { report, rows, rejected, unreadable } = draft;
  if (rows.length === 0 && rejected > 0 && !unreadable && report.accepted) {
    const conflicted = report.conditions().some(({ reason }) => reason === 'Conflicted');
    report.rejectWhole(conflicted ? 'Conflicted' : 'Invalid', 'None of its rows is in force.');
  }
  const { sharedDomain, tenantRoute } = draft;
  draft.inForce = report.accepted && sharedDomain?.config !== undefined && tenantRoute?.config !== undefined;
}
