/** Which addresses the rules in force of a fleet resolve, asked of the index of claims rather than of every row. */

import { type ClaimIndex, type Holder, inSpace, outSpace, scopedSpace } from './claim-index.ts';
import type { RewriteRuleDraft } from './rewrite-rule.ts';

/** ForSome: only mail for certain recipients. */
export type Resolved = 'Always' | 'ForSome' | 'No';

export class Resolution {
  readonly #rules: ReadonlyMap<string, RewriteRuleDraft>;
  readonly #index: ClaimIndex;

  constructor(rules: readonly RewriteRuleDraft[], index: ClaimIndex) {
    this.#rules = new Map(rules.map((rule) => [rule.name, rule]));
    this.#index = index;
  }

  /** By an address rule, as tenant or as shared address. */
  of(key: string): Resolved {
    const claimed = (space: string) => this.#index.holders(space, key).some((holder) => this.#isInForce(holder));
    // An alias does not say how its mailbox writes, nor does a rule for some recipients say it for all.
    if (claimed(outSpace('Enforce')) || claimed(inSpace('Enforce'))) return 'Always';
    return claimed(scopedSpace('Enforce')) ? 'ForSome' : 'No';
  }

  /** Shared addresses in force by SharedDomain, each once however many rules mean the same by it. */
  countAddresses(): Map<string, number> {
    const counts = new Map<string, number>();
    const add = (rule: RewriteRuleDraft | undefined, count: number) => {
      const name = rule?.sharedDomain?.name ?? '';
      counts.set(name, (counts.get(name) ?? 0) + count);
    };
    for (const rule of this.#rules.values()) {
      if (rule.inForce && rule.mode === 'Enforce') add(rule, rule.rows.inboundAddresses);
    }
    for (const holders of this.#index.shared(inSpace('Enforce'))) {
      const inForce = holders.filter((holder) => holder.row.kind === 'Address' && this.#isInForce(holder));
      if (inForce.length > 1) add(this.#rules.get(inForce[0]?.rule ?? ''), 1 - inForce.length);
    }
    return counts;
  }

  #isInForce({ rule, number }: Holder): boolean {
    const draft = this.#rules.get(rule);
    return draft?.inForce === true && number < draft.claimed.length && !draft.lost.has(number);
  }
}
