/** Whose addresses a rule may speak of, and every other domain of its namespace, which flattening must not reach. */

import type { RewriteRuleSpec } from '../../crds/v1alpha1/rewrite-rule.ts';
import type { Direction } from '../../relay/core/config.ts';
import { sortedUnique } from './order.ts';
import type { Bounds } from './rows.ts';
import type { SharedDomainDraft } from './shared-domain.ts';
import type { TenantRouteDraft } from './tenant-route.ts';

/** The domains of a namespace, after names that two routes claim were given to one of them. */
export class Neighbours {
  /** Another object whenever any of the domains changes. */
  readonly version: object;
  readonly #routes: readonly TenantRouteDraft[];
  readonly #shared: readonly string[];
  readonly #foreign = new Map<TenantRouteDraft | undefined, readonly string[]>();

  constructor(
    routes: Iterable<TenantRouteDraft>,
    sharedDomains: Iterable<SharedDomainDraft>,
    version: (domains: readonly string[]) => object,
  ) {
    this.#routes = [...routes];
    this.#shared = [...sharedDomains].flatMap(({ domain }) => domain ?? []);
    this.version = version([...this.#shared, ...this.#routes.flatMap(({ name, domains }) => ['', name, ...domains])]);
  }

  foreignTo(route: TenantRouteDraft | undefined): readonly string[] {
    const known = this.#foreign.get(route);
    if (known !== undefined) return known;
    const others = this.#routes.filter((other) => other !== route).flatMap(({ domains }) => domains);
    const foreign = sortedUnique([...others, ...this.#shared]);
    this.#foreign.set(route, foreign);
    return foreign;
  }
}

export class RuleBounds implements Bounds {
  readonly sharedDomain: string | undefined;
  readonly tenantDomains: ReadonlySet<string> | undefined;
  readonly direction: Direction | undefined;
  /** Whether foreignDomains mattered. */
  lookedAround = false;
  readonly #route: TenantRouteDraft | undefined;
  readonly #neighbours: Neighbours;

  constructor({ direction }: RewriteRuleSpec, parties: Parties, neighbours: Neighbours) {
    this.sharedDomain = parties.sharedDomain?.domain;
    this.#route = parties.tenantRoute;
    this.tenantDomains = this.#route && new Set(this.#route.domains);
    this.direction = direction;
    this.#neighbours = neighbours;
  }

  get foreignDomains(): readonly string[] {
    this.lookedAround = true;
    return this.#neighbours.foreignTo(this.#route);
  }
}

export interface Parties {
  readonly sharedDomain: SharedDomainDraft | undefined;
  readonly tenantRoute: TenantRouteDraft | undefined;
}

/** Equal for bounds that differ in nothing but foreign domains. */
export function boundsKey({ direction }: RewriteRuleSpec, { sharedDomain, tenantRoute }: Parties): string {
  return `${sharedDomain?.domain} ${direction} ${tenantRoute?.domains.join(' ')}`;
}
