/** Which addresses a row claims: two rows that claim one and mean different things by it cannot both be in force. */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import type { Row } from './rows.ts';

/**
 * What can be claimed once: an address in the half, and for its outbound half towards the recipient domain, for which
 * it counts.
 */
export interface Claimed {
  readonly space: string;
  /** An address by its key; a domain, which is no address without a local part. */
  readonly key: string;
}

export interface Claim extends Claimed {
  /** What it becomes; equal targets are no conflict. */
  readonly target: string;
  /** The address or domain, for people. */
  readonly name: string;
}

/** What of a rule decides what its rows claim. */
export interface Claimant {
  readonly mode: RewriteRuleConfig['mode'];
  readonly onlyTo?: readonly string[] | undefined;
}

/** By what a row is found among all rows: an address by its key, a domain as no address can be written. */
export function keyInside(row: Row): string {
  return row.kind === 'Address' ? row.internalKey : `${row.includeSubdomains ? '*.' : '@'}${row.internal}`;
}

export function keyOutside(row: Row): string {
  return row.kind === 'Address' ? row.externalKey : `@${row.external}`;
}

/** Rules in Audit try things out beside the rules in force and claim only against each other. */
export function claimsOfRow(row: Row, { mode, onlyTo }: Claimant): Claim[] {
  const claims: Claim[] = [];
  const inside = keyInside(row);
  const outside = keyOutside(row);
  if (row.direction !== 'InboundOnly') {
    // A rule for certain recipient domains is nearer than one for all, and claims each of them.
    for (const scope of onlyTo ?? ['*']) {
      claims.push({ space: `${mode} out ${scope}`, key: inside, target: outside, name: row.internal });
    }
  }
  if (row.direction !== 'OutboundOnly') {
    claims.push({ space: `${mode} in`, key: outside, target: inside, name: row.external });
  }
  return claims;
}

/**
 * Values by claim. The keys are strings that the rows hold anyway: a million joined ones would cost more than all the
 * rest.
 */
export class ClaimMap<T> {
  readonly #spaces = new Map<string, Map<string, T>>();

  has({ space, key }: Claimed): boolean {
    return this.#spaces.get(space)?.has(key) === true;
  }

  get({ space, key }: Claimed): T | undefined {
    return this.#spaces.get(space)?.get(key);
  }

  set({ space, key }: Claimed, value: T): void {
    const values = this.#spaces.get(space);
    if (values === undefined) this.#spaces.set(space, new Map([[key, value]]));
    else values.set(key, value);
  }
}
