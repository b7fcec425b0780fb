/**
 * Entries of RewriteRules: read, compared as mailboxes are compared, and confined to their tenant and shared domain.
 */

import { isSubdomainOf, toAsciiDomain } from '../../relay/core/address.ts';
import type { Direction } from '../../relay/core/config.ts';
import type { PartialReason } from './conditions.ts';
import { readMailbox } from './mailbox-text.ts';

export interface AddressRow {
  readonly kind: 'Address';
  /** As formatMailbox() writes them. */
  readonly internal: string;
  readonly external: string;
  readonly internalKey: string;
  readonly externalKey: string;
  readonly direction: Direction;
  readonly place: Place;
}

export interface DomainRow {
  readonly kind: 'Domain';
  readonly internal: string;
  readonly external: string;
  readonly includeSubdomains: boolean;
  readonly exceptions: readonly string[];
  readonly direction: Direction;
  readonly place: Place;
}

export type Row = AddressRow | DomainRow;

/** A row of one direction says nothing about its other side: what it is not in force for is not held either. */
export function claimedAddresses({
  internal,
  external,
  direction,
}: Pick<AddressRow, 'internal' | 'external' | 'direction'>): string[] {
  return [...(direction === 'InboundOnly' ? [] : [internal]), ...(direction === 'OutboundOnly' ? [] : [external])];
}

/** Where a row stands. */
export interface Place {
  /** The field, or the table: `ConfigMap "users", key "users.csv"`. */
  readonly where: string;
  /** Of a table. */
  readonly line?: number;
  /** The field of the resource. */
  readonly path: string;
}

export function placeText({ where, line }: Place): string {
  return line === undefined ? where : `${where}, line ${line}`;
}

/** A row as it was written, in the resource or in a table. */
export interface WrittenRow {
  readonly internal: string;
  readonly external: string;
  readonly exceptions: readonly string[];
  readonly includeSubdomains: boolean;
  /** Of the row itself; undefined: the rule's. */
  readonly direction: Direction | undefined;
  readonly place: Place;
}

/** Whose addresses a rule may speak of. */
export interface Bounds {
  /** The SharedDomain's domain; undefined: not known, and the rule is left out for that reason. */
  readonly sharedDomain: string | undefined;
  /** Routing domains of the rule's TenantRoute; undefined: not known. */
  readonly tenantDomains: ReadonlySet<string> | undefined;
  /** Every other domain of the fleet that a flattening rule must not reach, with those that are left out. */
  readonly foreignDomains: readonly string[];
  /** Direction the rule states; undefined: none. */
  readonly direction: Direction | undefined;
}

export interface Rejection {
  readonly ok: false;
  readonly reason: PartialReason;
  /** Without a value of the row, which may come from a Secret: `its internal address has no @`. */
  readonly problem: string;
  /** What the row claims within its bounds, so that it is held. */
  readonly held: readonly string[];
}

export type RowResult = { readonly ok: true; readonly value: Row } | Rejection;

export function readRow(written: WrittenRow, bounds: Bounds): RowResult {
  return written.internal.includes('@') ? readAddressRow(written, bounds) : readDomainRow(written, bounds);
}

function readAddressRow(written: WrittenRow, bounds: Bounds): RowResult {
  if (written.exceptions.length > 0) return invalid('it has an ExceptionList, which only a row of a domain may have');
  const direction = readDirection(written, bounds);
  if (direction === undefined) return invalid('its direction contradicts the direction of the rule');
  const internal = readMailbox(written.internal);
  if (!internal.ok) return invalid(`its internal address ${internal.reason}`);
  const external = readMailbox(written.external);
  if (!external.ok) return invalid(`its external address ${external.reason}`);
  const row: AddressRow = {
    kind: 'Address',
    internal: internal.value.text,
    external: external.value.text,
    internalKey: internal.value.key,
    externalKey: external.value.key,
    direction,
    place: written.place,
  };
  const internalInside = bounds.tenantDomains?.has(internal.value.domain) ?? true;
  const externalInside = bounds.sharedDomain === undefined || bounds.sharedDomain === external.value.domain;
  if (internalInside && externalInside) return { ok: true, value: row };
  const held = claimedAddresses(row).filter((address) => (address === row.internal ? internalInside : externalInside));
  if (!internalInside) return outside("its internal address is in none of the TenantRoute's domains", held);
  return outside("its external address is not in the SharedDomain's domain", held);
}

function readDomainRow(written: WrittenRow, bounds: Bounds): RowResult {
  const internal = toAsciiDomain(written.internal);
  if (internal === undefined) return invalid('its internal side is neither an address nor a domain');
  const external = toAsciiDomain(written.external);
  if (external === undefined) return invalid('its internal side is a domain and its external side is not');
  const { includeSubdomains } = written;
  const direction = readDirection(written, bounds);
  if (direction === undefined) return invalid('its direction contradicts the direction of the rule');
  if (includeSubdomains && direction === 'InboundOnly') {
    return invalid('it includes subdomains, which works outbound only');
  }
  const exceptions = written.exceptions.map(toAsciiDomain);
  if (exceptions.length > 0 && !includeSubdomains) return invalid('it has exceptions but does not include subdomains');
  if (!exceptions.every((exception) => exception !== undefined && isSubdomainOf(exception, internal))) {
    return invalid('an exception of it is no domain below its internal domain');
  }
  if (!ownsDomain(internal, includeSubdomains, bounds)) {
    return outside("its internal domain is none of the TenantRoute's domains", []);
  }
  if (bounds.sharedDomain !== undefined && bounds.sharedDomain !== external) {
    return outside("its external domain is not the SharedDomain's domain", []);
  }
  // Domains of other tenants that lie below are theirs, whether or not they are in force now.
  const foreign = includeSubdomains ? bounds.foreignDomains.filter((domain) => isSubdomainOf(domain, internal)) : [];
  return {
    ok: true,
    value: {
      kind: 'Domain',
      internal,
      external,
      includeSubdomains,
      exceptions: [...new Set([...exceptions.filter((exception) => exception !== undefined), ...foreign])].sort(),
      direction: includeSubdomains ? 'OutboundOnly' : direction,
      place: written.place,
    },
  };
}

/** The tenant's own domain, or with subdomains one below it that no other domain of the fleet is nearer to. */
function ownsDomain(domain: string, includeSubdomains: boolean, bounds: Bounds): boolean {
  const { tenantDomains } = bounds;
  if (tenantDomains === undefined || tenantDomains.has(domain)) return true;
  if (!includeSubdomains) return false;
  const longest = (domains: Iterable<string>) =>
    Math.max(
      0,
      ...[...domains].filter((each) => each === domain || isSubdomainOf(domain, each)).map((each) => each.length),
    );
  return longest(tenantDomains) > longest(bounds.foreignDomains);
}

/** undefined: row and rule contradict each other. */
function readDirection(written: WrittenRow, bounds: Bounds): Direction | undefined {
  if (written.direction === undefined) return bounds.direction ?? 'Both';
  if (bounds.direction === undefined || bounds.direction === 'Both') return written.direction;
  return written.direction === bounds.direction ? written.direction : undefined;
}

function invalid(problem: string): Rejection {
  return { ok: false, reason: 'InvalidRow', problem, held: [] };
}

function outside(problem: string, held: readonly string[]): Rejection {
  return { ok: false, reason: 'OutsideDomain', problem, held };
}
