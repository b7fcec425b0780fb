/**
 * What compile may keep from one time to the next. It never changes an outcome: with an empty memory everything is
 * made anew, and comes out the same.
 */

import type { RewriteRuleConfig } from '../../relay/core/config.ts';
import { ClaimIndex } from './claim-index.ts';
import type { Platform } from './input.ts';
import { Last } from './last.ts';
import type { CachedContent } from './rule-content.ts';
import type { RuleRows } from './rule-rows.ts';
import type { CachedTable } from './table-content.ts';

/** Of one RewriteRule. */
export interface RuleMemory {
  /** By the field that refers to it. */
  readonly tables: Map<string, CachedTable>;
  content: CachedContent | undefined;
  readonly recalled: Last<RuleRows>;
  readonly kept: Last<RuleRows>;
  readonly keptFormer: Last<RuleRows>;
  readonly inForce: Last<RewriteRuleConfig>;
  readonly unreadable: Last<RewriteRuleConfig>;
}

/** For the resources of one cluster or folder. After an exception it is not to be used again. */
export class CompileMemory {
  readonly #rules = new Map<string, RuleMemory>();
  readonly #claims = new Map<string, ClaimIndex>();
  readonly #versions = new Map<string, Last<object>>();
  readonly #hashes = new WeakMap<RewriteRuleConfig, string>();
  #usedRules = new Set<string>();
  #usedClaims = new Set<string>();

  /** Once a rule. */
  rule({ namespace, name }: { readonly namespace: string; readonly name: string }): RuleMemory {
    const key = `${namespace}/${name}`;
    this.#usedRules.add(key);
    const known = this.#rules.get(key) ?? newRuleMemory();
    this.#rules.set(key, known);
    return known;
  }

  claims(namespace: string, fleet: string): ClaimIndex {
    const key = `${namespace}/${fleet}`;
    this.#usedClaims.add(key);
    const known = this.#claims.get(key) ?? new ClaimIndex();
    this.#claims.set(key, known);
    return known;
  }

  /** The same object while the domains of the namespace stay the same. */
  version(namespace: string, domains: readonly string[]): object {
    const known = this.#versions.get(namespace) ?? new Last<object>();
    this.#versions.set(namespace, known);
    return known.of(domains, () => ({}));
  }

  hash(rule: RewriteRuleConfig, platform: Platform): string {
    const hash = this.#hashes.get(rule) ?? platform.hash(JSON.stringify(rule));
    this.#hashes.set(rule, hash);
    return hash;
  }

  /** What was not asked for since the last time is forgotten. */
  finish(): void {
    keepOnly(this.#rules, this.#usedRules);
    keepOnly(this.#claims, this.#usedClaims);
    this.#usedRules = new Set();
    this.#usedClaims = new Set();
  }
}

function keepOnly(known: Map<string, unknown>, used: ReadonlySet<string>): void {
  for (const key of known.keys()) if (!used.has(key)) known.delete(key);
}

function newRuleMemory(): RuleMemory {
  return {
    tables: new Map(),
    content: undefined,
    recalled: new Last(),
    kept: new Last(),
    keptFormer: new Last(),
    inForce: new Last(),
    unreadable: new Last(),
  };
}
