/** Which of the rows read would be in force, told by the operator's own rules, in an order that does not depend on the file's. */

import type { PartialReason } from '../../operator/compile/conditions.ts';
import { compareText } from '../../operator/compile/order.ts';
import { keepRows } from '../../operator/compile/row-set.ts';
import type { AddressRow, Bounds, DomainRow, Place, Row } from '../../operator/compile/rows.ts';
import { CORRECT_THE_LINE, type ImportedRow, type LeftOut } from './imported.ts';

const ADVICE: Readonly<Record<PartialReason, string>> = {
  InvalidRow: CORRECT_THE_LINE,
  OutsideDomain:
    'import the row for the SharedDomain and TenantRoute that it belongs to, or add the domain to spec.domains of the ' +
    'TenantRoute',
  DuplicateRow:
    'an address has one meaning in each direction: delete the line that is wrong, or give one of the two a single ' +
    'direction: InboundOnly True for a further address that leads to a mailbox, OutboundOnly True for a further mailbox ' +
    'that writes as the address',
  Conflicted: CORRECT_THE_LINE,
};

export interface Settled {
  readonly addresses: readonly NamedRow<AddressRow>[];
  readonly domains: readonly NamedRow<DomainRow>[];
  readonly leftOut: readonly LeftOut[];
}

export interface NamedRow<R extends Row> {
  readonly row: R;
  readonly name: string;
  /** As they were written: compile adds the domains of other tenants itself. */
  readonly exceptions: readonly string[];
}

export function settle(imported: readonly ImportedRow[], bounds: Bounds): Settled {
  const origins = new Map<Place, ImportedRow>(imported.map((row) => [row.written.place, row]));
  const written = imported.map((row) => row.written);
  const { rows, rejected } = keepRows(written, bounds);
  const addresses: NamedRow<AddressRow>[] = [];
  const domains: NamedRow<DomainRow>[] = [];
  for (const row of joinHalves(rows)) {
    const origin = origins.get(row.place);
    const rest = { name: origin?.name ?? '', exceptions: origin?.written.exceptions ?? [] };
    if (row.kind === 'Address') addresses.push({ row, ...rest });
    else domains.push({ row, ...rest });
  }
  const leftOut = rejected.map(({ reason, problem, place, values }) => {
    const value = values === undefined ? '' : ` (${values})`;
    return { file: place.where, line: place.line ?? 0, problem: `${problem}${value}`, advice: ADVICE[reason] };
  });
  return { addresses: addresses.sort(byMeaning), domains: domains.sort(byMeaning), leftOut };
}

/** One map of Postfix says the way out and another the way in; what both say is one row of both directions. */
function joinHalves(rows: readonly Row[]): Row[] {
  const ofBoth = new Set<string>();
  const outbound = new Set(rows.filter((row) => row.direction === 'OutboundOnly').map(pairKey));
  for (const row of rows) if (row.direction === 'InboundOnly' && outbound.has(pairKey(row))) ofBoth.add(pairKey(row));
  const joined: Row[] = [];
  for (const row of rows) {
    if (!ofBoth.has(pairKey(row))) joined.push(row);
    else if (row.direction === 'OutboundOnly') joined.push({ ...row, direction: 'Both' });
  }
  return joined;
}

function pairKey(row: Row): string {
  if (row.kind === 'Address') return `${row.internalKey} ${row.externalKey}`;
  return `${row.includeSubdomains ? '*.' : '@'}${row.internal} ${row.external}`;
}

function byMeaning(a: NamedRow<Row>, b: NamedRow<Row>): number {
  return compareText(pairKey(a.row), pairKey(b.row)) || compareText(a.row.direction, b.row.direction);
}
