/** Whether a namespace may claim a shared domain: whoever runs the operator says so, by its setting `domains`. */

import { isSubdomainOf, toAsciiDomain } from '../../relay/core/address.ts';
import type { Report } from './conditions.ts';
import type { DomainPermission } from './input.ts';
import { listed } from './order.ts';

/** As many namespaces as a message may repeat. */
const NAMES = 10;
const BELOW = '*.';

/** What may be claimed by all is not asked about; of several entries the first that matches counts. */
export function refuseForeignDomain(domain: string, report: Report, permissions: readonly DomainPermission[]): void {
  const permission = permissions.find(({ match }) => covers(match, domain));
  if (permission === undefined || permission.namespaces.includes(report.namespace)) return;
  const { match, namespaces } = permission;
  const names = listed(
    namespaces.map((name) => `"${name}"`),
    NAMES,
  );
  const some = `only namespace${namespaces.length === 1 ? '' : 's'} ${names}`;
  const allowed = namespaces.length === 0 ? 'no namespace' : some;
  const elsewhere = namespaces.length === 0 ? '' : 'create it there, or ';
  const message =
    `The operator lets ${allowed} claim the domain ${domain}: ${elsewhere}have "${report.namespace}" added to ` +
    `the entry "${match}" of the operator's setting domains.`;
  report.reject('DomainNotAllowed', message, 'spec.domain');
}

function covers(match: string, domain: string): boolean {
  const below = match.startsWith(BELOW);
  const written = below ? match.slice(BELOW.length) : match;
  const name = toAsciiDomain(written) ?? written;
  return below ? isSubdomainOf(domain, name) : domain === name;
}
