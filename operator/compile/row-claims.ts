/** Which addresses a row claims: two rows that claim one and mean different things by it cannot both be in force. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import type { Row } from './rows.ts';

export interface Claim {
  /** The address with the side, and for its outbound half the recipient domain, for which it is claimed. */
  readonly key: string;
  /** What it becomes; equal targets are no conflict. */
  readonly target: string;
  /** The address or domain, for people. */
  readonly name: string;
}

/** What of a rule decides what its rows claim. */
export interface Claimant {
  readonly mode: RewriteRuleConfig['mode'];
  readonly onlyTo?: readonly string[] | undefined;
  readonly tenantRoute: string;
}

/** Rules in Audit try things out beside the rules in force and claim only against each other. */
export function claimsOfRow(row: Row, rule: Claimant): Claim[] {
  const claims: Claim[] = [];
  const space = rule.mode === 'Audit' ? 'audit ' : '';
  const inside = row.kind === 'Address' ? row.internalKey : `${row.includeSubdomains ? '*.' : '@'}${row.internal}`;
  const outside = row.kind === 'Address' ? row.externalKey : `@${row.external}`;
  if (row.direction !== 'InboundOnly') {
    // A rule for certain recipient domains is nearer than one for all, and claims each of them.
    for (const scope of rule.onlyTo ?? ['*']) {
      claims.push({ key: `${space}out ${scope} ${inside}`, target: outside, name: row.internal });
    }
  }
  if (row.direction !== 'OutboundOnly') {
    claims.push({ key: `${space}in ${outside}`, target: `${rule.tenantRoute} ${inside}`, name: row.external });
  }
  return claims;
}
