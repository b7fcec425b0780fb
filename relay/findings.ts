/** What the relay has found out about next hops that an admin should know; kept until it is no longer true. */

import type { Target } from './core/delivery.ts';
import { NEXT_HOP_REFUSES_US } from './core/outcome.ts';
import { REFUSAL_TABLE_DATE } from './core/refusal-table.ts';
import type { Findings } from './transaction/edges.ts';

/** A next hop that Discover asks takes addresses that nobody has. */
export const CATCH_ALL = 'CatchAll';

export type FindingType = typeof NEXT_HOP_REFUSES_US | typeof CATCH_ALL;

export interface Finding {
  readonly type: FindingType;
  /** `TenantRoute tenant1`, `SmartHost`. */
  readonly subject: string;
  readonly message: string;
  /** ISO 8601; since when it has been so. */
  readonly since: string;
  /** Of the table that the judgement came from, if it came from one. */
  readonly tableDate?: string;
}

/** Strangers' MX hosts refuse for reasons of their own, and there is no end of them. */
function subjectOf(target: Target): string | undefined {
  switch (target.kind) {
    case 'TenantRoute':
      return `TenantRoute ${target.name}`;
    case 'SmartHost':
      return 'SmartHost';
    case 'MX':
      return undefined;
  }
}

const CATCH_ALL_MESSAGE =
  'the next hop takes mail for addresses that nobody has, so Discover leaves it out, and addresses that no other tenant ' +
  'knows are answered 451: let it refuse unknown recipients at RCPT, or take it out of spec.unresolvedRecipients.order';

/** One finding of a type about a subject. */
export function findingKey({ type, subject }: Pick<Finding, 'type' | 'subject'>): string {
  return `${type}\n${subject}`;
}

export class FindingList implements Findings {
  readonly #findings = new Map<string, Finding>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  nextHopRefuses(target: Target, meaning: string): void {
    const subject = subjectOf(target);
    if (subject === undefined) return;
    const message = `the next hop refuses this relay: ${meaning}`;
    this.#add({ type: NEXT_HOP_REFUSES_US, subject, message, tableDate: REFUSAL_TABLE_DATE });
  }

  nextHopTakes(target: Target): void {
    if (this.#findings.size === 0) return;
    const subject = subjectOf(target);
    if (subject !== undefined) this.#findings.delete(findingKey({ type: NEXT_HOP_REFUSES_US, subject }));
  }

  /** Whether that is news. */
  catchAll(tenantRoute: string, isCatchAll: boolean): boolean {
    const subject = subjectOf({ kind: 'TenantRoute', name: tenantRoute });
    if (subject === undefined) return false;
    if (!isCatchAll) return this.#findings.delete(findingKey({ type: CATCH_ALL, subject }));
    return this.#add({ type: CATCH_ALL, subject, message: CATCH_ALL_MESSAGE });
  }

  /** A configuration without the tenant has no finding about it. */
  keepOnly(tenantRoutes: ReadonlySet<string>): void {
    for (const [key, { subject }] of this.#findings) {
      const route = /^TenantRoute (.*)$/.exec(subject)?.[1];
      if (route !== undefined && !tenantRoutes.has(route)) this.#findings.delete(key);
    }
  }

  list(): Finding[] {
    return [...this.#findings.values()];
  }

  /** Whether nothing of the kind was known. */
  #add(finding: Omit<Finding, 'since'>): boolean {
    const key = findingKey(finding);
    const before = this.#findings.get(key);
    this.#findings.set(key, { ...finding, since: before?.since ?? this.#now().toISOString() });
    return before === undefined;
  }
}
