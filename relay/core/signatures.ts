/**
 * Removes the signatures that our own changes have broken, and no others: a bank's mail that a tenant forwards keeps
 * the bank's (mail-flow §6).
 */

import { isSubdomainOf, toAsciiDomain } from './address.ts';
import { fieldValue, type Header, type HeaderField, removeFields } from './header.ts';

export interface MessageChanges {
  /** Lower-case names of fields that were changed or removed. */
  readonly changedFields: ReadonlySet<string>;
  readonly bodyChanged: boolean;
}

const TAGS = { d: /(?:^|;)\s*d\s*=([^;]*)/, h: /(?:^|;)\s*h\s*=([^;]*)/ };
const ARC_FIELDS = new Set(['arc-seal', 'arc-message-signature', 'arc-authentication-results']);

/** `tenantDomains` are routing domains of tenants, as A-labels. */
export function removeBrokenSignatures(
  header: Header,
  tenantDomains: ReadonlySet<string> | ReadonlyMap<string, unknown>,
  changes: MessageChanges,
): Header {
  const changed = changes.bodyChanged || changes.changedFields.size > 0;
  if (!changed) return header;
  return removeFields(
    header,
    (field) =>
      ARC_FIELDS.has(field.name) ||
      (field.name === 'dkim-signature' && isBroken(header, field, tenantDomains, changes)),
  );
}

function isBroken(
  header: Header,
  field: HeaderField,
  tenantDomains: ReadonlySet<string> | ReadonlyMap<string, unknown>,
  changes: MessageChanges,
): boolean {
  const value = fieldValue(header, field);
  const domain = toAsciiDomain(readTag(value, 'd'));
  // Of another's signature it is for the receiver to judge what it still says.
  if (domain === undefined || !(tenantDomains.has(domain) || isSubdomainOf(domain, 'onmicrosoft.com'))) return false;
  if (changes.bodyChanged) return true;
  return readTag(value, 'h')
    .split(':')
    .some((name) => changes.changedFields.has(name.toLowerCase()));
}

/** RFC 6376 §3.2: white space around tags means nothing, and domains and field lists hold none. */
function readTag(value: string, name: 'd' | 'h'): string {
  const tag = TAGS[name].exec(value)?.[1] ?? '';
  return tag.replace(/\s+/g, '');
}
