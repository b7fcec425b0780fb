/** Who answers for addresses of a shared domain that no rule resolves: in force and in this domain, or they are held. */

import type { SharedDomainConfig } from '../../relay/core/config.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import type { TenantRouteDraft } from './tenant-route.ts';

type Routes = ReadonlyMap<string, TenantRouteDraft>;

const PATH = 'spec.unresolvedRecipients';

/** After all routes are in force or left out. */
export function compileUnresolved(draft: SharedDomainDraft, routes: Routes): void {
  const { spec, config } = draft;
  if (spec === undefined || spec.unresolvedRecipients.action === 'Reject') return;
  const answer = readAnswer(spec.unresolvedRecipients, draft, routes);
  if (answer !== undefined && config !== undefined) draft.config = { ...config, unresolvedRecipients: answer };
  else draft.unresolvedHeld = true;
  if (answer?.action === 'Discover') sayWhoIsNotAsked(answer.order, draft, routes);
}

type Unresolved = NonNullable<SharedDomainDraft['spec']>['unresolvedRecipients'];

/** undefined: the report says why. */
function readAnswer(
  { action, tenantRouteRef, order = [] }: Unresolved,
  draft: SharedDomainDraft,
  routes: Routes,
): SharedDomainConfig['unresolvedRecipients'] | undefined {
  switch (action) {
    case 'Reject':
      return { action };
    case 'Route': {
      const route = tenantRouteRef && routeInForce(tenantRouteRef.name, `${PATH}.tenantRouteRef`, draft, routes);
      return route && { action, tenantRoute: route.name };
    }
    case 'Discover': {
      const asked = order.map(({ name }, index) => mayBeAsked(name, `${PATH}.order[${index}].name`, draft, routes));
      // Without one of them the next in order would get its mail, or the sender would hear that there is no such user.
      if (asked.length === 0 || asked.includes(undefined)) return undefined;
      return { action, order: order.map(({ name }) => name) };
    }
  }
}

function routeInForce(
  name: string,
  path: string,
  draft: SharedDomainDraft,
  routes: Routes,
): TenantRouteDraft | undefined {
  const { report } = draft;
  const route = routes.get(name);
  if (route === undefined) {
    report.unresolved('NotFound', `TenantRoute "${name}" does not exist in namespace "${report.namespace}".`, { path });
    return undefined;
  }
  if (!route.sharedDomains.includes(draft)) {
    const message =
      `TenantRoute "${name}" does not take part in SharedDomain "${draft.name}": ` +
      `add "${draft.name}" to its spec.sharedDomainRefs.`;
    report.unresolved('NotFound', message, { path });
    return undefined;
  }
  if (route.config === undefined) {
    const message = `TenantRoute "${name}" is not in force: ${route.report.problem ?? ''}`;
    report.unresolved(route.report.unusable, message, { path, follows: true });
    return undefined;
  }
  return route;
}

/** A next hop that takes every recipient would be handed all mail that nobody knows. */
function mayBeAsked(
  name: string,
  path: string,
  draft: SharedDomainDraft,
  routes: Routes,
): TenantRouteDraft | undefined {
  const route = routeInForce(name, path, draft, routes);
  if (route === undefined) return undefined;
  if (route.spec?.recipientCheck !== 'AtRcpt') {
    const message =
      `TenantRoute "${name}" does not say that its next hop refuses unknown recipients: ` +
      'set its spec.recipientCheck to AtRcpt if it does, or take it out of the order.';
    draft.report.unresolved('InvalidContent', message, { path });
    return undefined;
  }
  if (route.domains.length === 0) {
    const message = `TenantRoute "${name}" has no domain in which it could be asked for an address: set its spec.domains.`;
    draft.report.unresolved('InvalidContent', message, { path });
    return undefined;
  }
  return route;
}

function sayWhoIsNotAsked(order: readonly string[], draft: SharedDomainDraft, routes: Routes): void {
  for (const { name, sharedDomains, config } of routes.values()) {
    if (config === undefined || !sharedDomains.includes(draft) || order.includes(name)) continue;
    const message = `TenantRoute "${name}" takes part and is not in the order: only rules find its users.`;
    draft.report.advise('note', message, `${PATH}.order`);
  }
}

/** After all rules are in force or left out: one for the whole domain leaves no address to ask anybody for. */
export function warnOfNothingUnresolved(draft: SharedDomainDraft, rules: Iterable<RewriteRuleDraft>): void {
  const action = draft.config?.unresolvedRecipients.action ?? 'Reject';
  if (action === 'Reject') return;
  for (const { name, sharedDomain, inForce, mode, rows } of rules) {
    if (sharedDomain !== draft || !inForce || mode === 'Audit') continue;
    if (!rows.domains.some((row) => row.direction !== 'OutboundOnly')) continue;
    const message =
      `RewriteRule "${name}" resolves every address of the domain, so nothing is left for action ${action}: ` +
      'give that rule direction OutboundOnly, or set action to Reject.';
    draft.report.advise('warning', message, PATH);
  }
}
