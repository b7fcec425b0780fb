/** What a RewriteRule says: its references, its rows within their bounds, and the rows that are rejected. */

import type { RewriteRule, RewriteRuleSpec } from '../../crds/v1alpha1/rewrite-rule.ts';
import { toAsciiDomain } from '../../relay/core/address.ts';
import { Report } from './conditions.ts';
import type { CompileInput } from './input.ts';
import type { CompileMemory, RuleMemory } from './memory.ts';
import type { Neighbours } from './neighbours.ts';
import { type Aged, sortedUnique } from './order.ts';
import type { TableSource } from './result.ts';
import { readContent } from './rule-content.ts';
import { NO_ROWS, type RuleRows } from './rule-rows.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import type { TenantRouteDraft } from './tenant-route.ts';

export interface RewriteRuleDraft extends Aged {
  readonly report: Report;
  readonly memory: RuleMemory;
  /** undefined: it fails its schema. */
  readonly spec: RewriteRuleSpec | undefined;
  readonly sharedDomain: SharedDomainDraft | undefined;
  readonly tenantRoute: TenantRouteDraft | undefined;
  readonly mode: 'Enforce' | 'Audit';
  readonly onlyTo: readonly string[] | undefined;
  /** Rows that it claims. */
  readonly claimed: RuleRows;
  /** Those of them that no other rule holds. */
  rows: RuleRows;
  /** Numbers of the others. */
  lost: ReadonlySet<number>;
  /** Rows that it had in the running configuration and that cannot be read now: claimed, never in force. */
  formerRows: RuleRows;
  /** Some of its rows are not known. */
  readonly unreadable: boolean;
  /** Rows come from a Secret: no message may repeat them. */
  readonly confidential: boolean;
  rejected: number;
  /** Addresses of rejected rows. */
  heldAddresses: readonly string[];
  /** Routing domains of rejected rows of domains. */
  heldTenantDomains: readonly string[];
  readonly sources: readonly TableSource[];
  inForce: boolean;
}

export interface RuleSurroundings {
  readonly sharedDomains: ReadonlyMap<string, SharedDomainDraft>;
  readonly tenantRoutes: ReadonlyMap<string, TenantRouteDraft>;
  readonly neighbours: Neighbours;
  readonly input: CompileInput;
  readonly memory: CompileMemory;
}

export function draftRewriteRule(resource: RewriteRule, around: RuleSurroundings): RewriteRuleDraft {
  const { name, namespace = '', creationTimestamp } = resource.metadata;
  const report = new Report('RewriteRule', namespace, name);
  const { spec } = resource;
  const sharedDomain = findSharedDomain(spec, around, report);
  const tenantRoute = findTenantRoute(spec, sharedDomain, around, report);
  const onlyTo = spec.onlyTo && sortedUnique(spec.onlyTo.domains.map((domain) => toAsciiDomain(domain) ?? domain));
  const claimant = { mode: spec.mode, onlyTo };
  const memory = around.memory.rule(report);
  const content = readContent(spec, claimant, report, { ...around, memory, parties: { sharedDomain, tenantRoute } });
  return {
    name,
    created: creationTimestamp,
    report,
    memory,
    spec,
    sharedDomain,
    tenantRoute,
    mode: spec.mode,
    onlyTo,
    claimed: content.rows,
    rows: content.rows,
    lost: new Set(),
    formerRows: NO_ROWS,
    unreadable: content.unreadable,
    confidential: content.confidential,
    rejected: content.rejected,
    heldAddresses: content.held,
    heldTenantDomains: [],
    sources: content.sources,
    inForce: false,
  };
}

function findSharedDomain(
  spec: RewriteRuleSpec,
  around: RuleSurroundings,
  report: Report,
): SharedDomainDraft | undefined {
  const { name } = spec.sharedDomainRef;
  const path = 'spec.sharedDomainRef.name';
  const found = around.sharedDomains.get(name);
  if (found === undefined) {
    report.unresolved('NotFound', `SharedDomain "${name}" does not exist in namespace "${report.namespace}".`, {
      path,
    });
  } else if (found.config === undefined) {
    const message = `SharedDomain "${name}" is not in force: ${found.report.problem ?? ''}`;
    report.unresolved(found.report.unusable, message, { path, follows: true });
  }
  return found;
}

function findTenantRoute(
  spec: RewriteRuleSpec,
  sharedDomain: SharedDomainDraft | undefined,
  around: RuleSurroundings,
  report: Report,
): TenantRouteDraft | undefined {
  const { name } = spec.tenantRouteRef;
  const path = 'spec.tenantRouteRef.name';
  const found = around.tenantRoutes.get(name);
  if (found === undefined) {
    report.unresolved('NotFound', `TenantRoute "${name}" does not exist in namespace "${report.namespace}".`, { path });
    return undefined;
  }
  // A route that fails its schema cannot be asked whom it allows.
  if (sharedDomain !== undefined && found.spec !== undefined && !found.sharedDomains.includes(sharedDomain)) {
    const message =
      `TenantRoute "${name}" does not take part in SharedDomain "${sharedDomain.name}": ` +
      `add "${sharedDomain.name}" to its spec.sharedDomainRefs.`;
    report.reject('NotAllowedByTenantRoute', message, path);
  }
  if (found.config === undefined) {
    const message = `TenantRoute "${name}" is not in force: ${found.report.problem ?? ''}`;
    report.unresolved(found.report.unusable, message, { path, follows: true });
  }
  return found;
}
