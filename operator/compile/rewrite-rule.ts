/** What a RewriteRule says: its references, its rows within their bounds, and the rows that are rejected. */

import type { RewriteRule, RewriteRuleSpec } from '../../crds/v1alpha1/rewrite-rule.ts';
import { toAsciiDomain } from '../../relay/core/address.ts';
import { Report } from './conditions.ts';
import type { CompileInput } from './input.ts';
import { type Aged, compareText, shown, sortedUnique } from './order.ts';
import { rejectRows, type RejectedRow } from './rejected-rows.ts';
import { type Claimant, ClaimMap, claimsOfRow } from './row-claims.ts';
import { type Bounds, claimedAddresses, placeText, type Row, readRow, type WrittenRow } from './rows.ts';
import type { TableSource } from './result.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import { readContent } from './table-content.ts';
import type { TenantRouteDraft } from './tenant-route.ts';

export interface RewriteRuleDraft extends Aged {
  readonly report: Report;
  /** undefined: it fails its schema. */
  readonly spec: RewriteRuleSpec | undefined;
  readonly sharedDomain: SharedDomainDraft | undefined;
  readonly tenantRoute: TenantRouteDraft | undefined;
  readonly mode: 'Enforce' | 'Audit';
  readonly onlyTo: readonly string[] | undefined;
  /** Rows that it claims; those that another rule holds are taken out. */
  rows: readonly Row[];
  /** Rows that it had in the running configuration and that cannot be read now: claimed, never in force. */
  formerRows: readonly Row[];
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
  readonly input: CompileInput;
}

export function draftRewriteRule(resource: RewriteRule, around: RuleSurroundings): RewriteRuleDraft {
  const { name, namespace = '', creationTimestamp } = resource.metadata;
  const report = new Report('RewriteRule', namespace, name);
  const { spec } = resource;
  const sharedDomain = findSharedDomain(spec, around, report);
  const tenantRoute = findTenantRoute(spec, sharedDomain, around, report);
  const onlyTo = spec.onlyTo && sortedUnique(spec.onlyTo.domains.map((domain) => toAsciiDomain(domain) ?? domain));
  const content = readContent(spec, namespace, report, around.input);
  const bounds = boundsOf(spec, sharedDomain, tenantRoute, around);
  const { rows, rejected } = keepRows(content.rows, bounds, { mode: spec.mode, onlyTo });
  rejected.push(...content.broken);
  rejectRows(report, rejected.sort(byPlace), content.confidential);
  return {
    name,
    created: creationTimestamp,
    report,
    spec,
    sharedDomain,
    tenantRoute,
    mode: spec.mode,
    onlyTo,
    rows,
    formerRows: [],
    unreadable: content.unreadable,
    confidential: content.confidential,
    rejected: rejected.length,
    heldAddresses: rejected.flatMap((row) => row.held),
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

function boundsOf(
  spec: RewriteRuleSpec,
  sharedDomain: SharedDomainDraft | undefined,
  tenantRoute: TenantRouteDraft | undefined,
  around: RuleSurroundings,
): Bounds {
  const foreign: string[] = [];
  for (const other of around.tenantRoutes.values()) if (other !== tenantRoute) foreign.push(...other.domains);
  for (const { domain } of around.sharedDomains.values()) if (domain !== undefined) foreign.push(domain);
  return {
    sharedDomain: sharedDomain?.domain,
    tenantDomains: tenantRoute && new Set(tenantRoute.domains),
    foreignDomains: sortedUnique(foreign),
    direction: spec.direction,
  };
}

/** The rows in their order; the first that claims an address keeps it. */
export function keepRows(
  written: readonly WrittenRow[],
  bounds: Bounds,
  claimant: Claimant,
): { rows: Row[]; rejected: RejectedRow[] } {
  const rows: Row[] = [];
  const rejected: RejectedRow[] = [];
  const firsts = new ClaimMap<Row>();
  for (const one of written) {
    const read = readRow(one, bounds);
    if (!read.ok) {
      rejected.push({ ...read, place: one.place, values: valuesOf(one) });
      continue;
    }
    const claims = claimsOfRow(read.value, claimant);
    const earlier = claims.map((claim) => firsts.get(claim)).find((row) => row !== undefined);
    if (earlier !== undefined) {
      const problem = `it repeats an address of ${placeText(earlier.place)}`;
      const held = read.value.kind === 'Address' ? claimedAddresses(read.value) : [];
      rejected.push({ reason: 'DuplicateRow', problem, held, place: one.place, values: valuesOf(one) });
      continue;
    }
    for (const claim of claims) firsts.set(claim, read.value);
    rows.push(read.value);
  }
  return { rows, rejected };
}

function valuesOf({ internal, external }: WrittenRow): string {
  return `${shown(internal)} → ${shown(external)}`;
}

/** Tables in the order in which the rule names them, lines in theirs: rejected rows come from two readings. */
function byPlace(a: RejectedRow, b: RejectedRow): number {
  return a.place.path === b.place.path
    ? (a.place.line ?? 0) - (b.place.line ?? 0)
    : compareText(a.place.path, b.place.path);
}
