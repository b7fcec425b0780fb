/** What the relay has found out about next hops that an admin should know; kept until it is no longer true. */

import type { Target } from './core/delivery.ts';
import { NEXT_HOP_REFUSES_US } from './core/outcome.ts';
import { REFUSAL_TABLE_DATE } from './core/refusal-table.ts';
import type { Findings } from './transaction/edges.ts';

export interface Finding {
  readonly type: typeof NEXT_HOP_REFUSES_US;
  /** `TenantRoute tenant1`, `SmartHost`. */
  readonly subject: string;
  readonly message: string;
  /** ISO 8601; since when it has been so. */
  readonly since: string;
  /** Of the table that the judgement came from. */
  readonly tableDate: string;
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

export class FindingList implements Findings {
  readonly #findings = new Map<string, Finding>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  nextHopRefuses(target: Target, meaning: string): void {
    const subject = subjectOf(target);
    if (subject === undefined) return;
    const since = this.#findings.get(subject)?.since ?? this.#now().toISOString();
    const message = `the next hop refuses this relay: ${meaning}`;
    this.#findings.set(subject, { type: NEXT_HOP_REFUSES_US, subject, message, since, tableDate: REFUSAL_TABLE_DATE });
  }

  nextHopTakes(target: Target): void {
    if (this.#findings.size === 0) return;
    const subject = subjectOf(target);
    if (subject !== undefined) this.#findings.delete(subject);
  }

  /** A configuration without the tenant has no finding about it. */
  keepOnly(tenantRoutes: ReadonlySet<string>): void {
    for (const subject of this.#findings.keys()) {
      const route = /^TenantRoute (.*)$/.exec(subject)?.[1];
      if (route !== undefined && !tenantRoutes.has(route)) this.#findings.delete(subject);
    }
  }

  list(): Finding[] {
    return [...this.#findings.values()];
  }
}
