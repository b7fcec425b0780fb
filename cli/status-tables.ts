/** The columns of each kind in `isthmus status`. */

import type { Kind } from '../crds/v1alpha1/kinds.ts';
import type { DomainFacts, Facts, FleetFacts, RouteFacts, RuleFacts } from './status-facts.ts';

export interface Column<F> {
  readonly title: string;
  /** With -o wide only. */
  readonly wide?: true;
  cell(facts: F, wide: boolean): string;
}

const NONE = '-';
/** Enough to tell two revisions apart, as git shows a commit. */
const REVISION_DIGITS = 8;

const count = (number: number | undefined) => (number === undefined ? NONE : number.toLocaleString('en-US'));
const text = (value: string | undefined) => (value === undefined || value === '' ? NONE : value);
/** `a.example +2` */
const first = ([one, ...more]: readonly string[]) => (more.length === 0 ? text(one) : `${one} +${more.length}`);
const all = (values: readonly string[]) => (values.length === 0 ? NONE : values.join(','));
const list = (values: readonly string[], wide: boolean) => (wide ? all(values) : first(values));

const FLEET: readonly Column<FleetFacts>[] = [
  { title: 'PODS', cell: ({ readyPods, wantedPods }) => `${readyPods}/${wantedPods}` },
  { title: 'PROGRAMMED', cell: ({ programmedPods, wantedPods }) => `${programmedPods}/${wantedPods}` },
  { title: 'ADDRESS', cell: ({ addresses }, wide) => list(addresses, wide) },
  { title: 'HOSTNAME', cell: ({ hostname }) => text(hostname) },
  { title: 'REVISION', cell: ({ revision }) => text(revision?.slice(0, REVISION_DIGITS)) },
  { title: 'OUTBOUND', wide: true, cell: ({ outbound }) => outbound },
  { title: 'NODES', wide: true, cell: ({ nodes }) => count(nodes) },
  {
    title: 'UPDATED',
    wide: true,
    cell: ({ updatedPods, wantedPods }) => (updatedPods === undefined ? NONE : `${updatedPods}/${wantedPods}`),
  },
  { title: 'ENDING', wide: true, cell: ({ endingPods }) => count(endingPods) },
  { title: 'IMAGE', wide: true, cell: ({ image }) => text(image) },
];

const DOMAIN: readonly Column<DomainFacts>[] = [
  { title: 'DOMAIN', cell: ({ domain }) => text(domain) },
  { title: 'TENANTS', cell: ({ tenants }) => count(tenants) },
  { title: 'ADDRESSES', cell: ({ addresses }) => count(addresses) },
  { title: 'FLEET', wide: true, cell: ({ fleet }) => fleet },
  { title: 'UNRESOLVED', wide: true, cell: ({ unresolved }) => unresolved },
];

const ROUTE: readonly Column<RouteFacts>[] = [
  { title: 'DOMAINS', cell: ({ domains }, wide) => list(domains, wide) },
  { title: 'NEXT HOP', cell: ({ nextHops }, wide) => list(nextHops, wide) },
  { title: 'TLS', cell: ({ tls }) => tls },
  { title: 'SHARED DOMAINS', wide: true, cell: ({ sharedDomains }) => all(sharedDomains) },
];

const RULE: readonly Column<RuleFacts>[] = [
  { title: 'SHARED DOMAIN', cell: ({ sharedDomain }) => text(sharedDomain) },
  { title: 'TENANT', cell: ({ tenantRoute }) => text(tenantRoute) },
  { title: 'ENTRIES', cell: ({ entries }) => count(entries) },
  { title: 'REJECTED', cell: ({ rejected }) => count(rejected) },
  { title: 'DIRECTION', wide: true, cell: ({ direction }) => direction },
  { title: 'MODE', wide: true, cell: ({ mode }) => mode },
];

export const TITLES: Readonly<Record<Kind, string>> = {
  RelayFleet: 'Fleets',
  SharedDomain: 'Shared domains',
  TenantRoute: 'Tenant routes',
  RewriteRule: 'Rewrite rules',
};

export function titlesOf(kind: Kind, wide: boolean): string[] {
  return shown(columnsOf(kind), wide).map(({ title }) => title);
}

export function cellsOf(facts: Facts, wide: boolean): string[] {
  switch (facts.kind) {
    case 'RelayFleet':
      return shown(FLEET, wide).map(({ cell }) => cell(facts, wide));
    case 'SharedDomain':
      return shown(DOMAIN, wide).map(({ cell }) => cell(facts, wide));
    case 'TenantRoute':
      return shown(ROUTE, wide).map(({ cell }) => cell(facts, wide));
    case 'RewriteRule':
      return shown(RULE, wide).map(({ cell }) => cell(facts, wide));
  }
}

function columnsOf(kind: Kind): readonly Pick<Column<Facts>, 'title' | 'wide'>[] {
  switch (kind) {
    case 'RelayFleet':
      return FLEET;
    case 'SharedDomain':
      return DOMAIN;
    case 'TenantRoute':
      return ROUTE;
    case 'RewriteRule':
      return RULE;
  }
}

function shown<C extends { readonly wide?: true }>(columns: readonly C[], wide: boolean): C[] {
  return columns.filter((column) => wide || column.wide !== true);
}
