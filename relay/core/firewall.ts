/**
 * The header firewall: fields that Exchange believes, and verdicts in our own name, never pass from a stranger to a
 * next hop (mail-flow §5).
 */

import { fieldValue, type Header, type HeaderField, removeFields } from './header.ts';

export interface Stripped {
  /** The same object when nothing was removed. */
  readonly header: Header;
  /** Lower-case names of the fields that were removed. */
  readonly removed: ReadonlySet<string>;
}

/**
 * Exchange promotes CrossPremises fields to Organization fields on connections it trusts, and ours is one: a stranger's
 * `X-MS-Exchange-CrossPremises-AuthAs: Internal` would make his mail internal.
 */
const TRUSTED_BY_EXCHANGE = new RegExp(
  `^x-(?:${[
    'ms-exchange-(?:organization|forest|crosspremises|crosstenant)-',
    'ms-exchange-transport-crosstenantheaders',
    'ms-exchange-(?:externaloriginal|skiplisted)internetsender$',
    'originatororg$',
    'eop.*attributed',
    'forefront-antispam-',
    'microsoft-antispam',
  ].join('|')})`,
);

/** For mail to a tenant, from whatever client; nothing turns it off. `authservIds` are ours, in lower case. */
export function stripInbound(header: Header, authservIds: ReadonlySet<string>): Stripped {
  const removed = new Set<string>();
  const unwanted = (field: HeaderField) => {
    const forged =
      (field.name.startsWith('x-') && TRUSTED_BY_EXCHANGE.test(field.name)) ||
      (field.name === 'authentication-results' && authservIds.has(authservId(header, field)));
    if (forged) removed.add(field.name);
    return forged;
  };
  return { header: removeFields(header, unwanted), removed };
}

/** For mail from a tenant to the world, as `outbound.stripHeaders` of its shared domain says. */
export function stripOutbound(header: Header, mode: 'Default' | 'None', authservIds: ReadonlySet<string>): Stripped {
  switch (mode) {
    case 'Default':
      return stripInbound(header, authservIds);
    case 'None':
      return { header, removed: new Set() };
  }
}

/** RFC 8601 §2.2: the identifier is the first word, perhaps quoted, perhaps after comments. */
function authservId(header: Header, field: HeaderField): string {
  const value = fieldValue(header, field);
  let start = 0;
  for (let depth = 0; start < value.length; start++) {
    const character = value[start];
    if (character === '\\') start++;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (depth <= 0 && character !== ' ' && character !== '\t') break;
  }
  const match = /^(?:"([^"]*)"|([^\s;"(/]+))/.exec(value.slice(start));
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase().replace(/\.$/, '');
}
