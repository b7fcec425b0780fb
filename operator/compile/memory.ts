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
  readonly #rules = new Kept<RuleMemory>(newRuleMemory);
  readonly #claims = new Kept(() => new ClaimIndex());
  readonly #versions = new Kept(() => new Last<object>());
  readonly #hashes = new WeakMap<RewriteRuleConfig, string>();

  /** Once a rule. */
  rule({ namespace, name }: { readonly namespace: string; readonly name: string }): RuleMemory {
    return this.#rules.of(`${namespace}/${name}`);
  }

  claims(namespace: string, fleet: string): ClaimIndex {
    return this.#claims.of(`${namespace}/${fleet}`);
  }

  /** The same object while the domains of the namespace stay the same. */
  version(namespace: string, domains: readonly string[]): object {
    return this.#versions.of(namespace).of(domains, () => ({}));
  }

  hash(rule: RewriteRuleConfig, platform: Platform): string {
    const hash = this.#hashes.get(rule) ?? platform.hash(JSON.stringify(rule));
    this.#hashes.set(rule, hash);
    return hash;
  }

  /** What was not asked for since the last time is forgotten. */
  finish(): void {
    for (const kept of [this.#rules, this.#claims, this.#versions]) kept.sweep();
  }
}

class Kept<T> {
  readonly #make: () => T;
  readonly #all = new Map<string, T>();
  #used = new Set<string>();

  constructor(make: () => T) {
    this.#make = make;
  }

  of(key: string): T {
    this.#used.add(key);
    const known = this.#all.get(key);
    if (known !== undefined) return known;
    const made = this.#make();
    this.#all.set(key, made);
    return made;
  }

  sweep(): void {
    for (const key of this.#all.keys()) if (!this.#used.has(key)) this.#all.delete(key);
    this.#used = new Set();
  }
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
