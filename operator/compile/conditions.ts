/**
 * The conditions compile decides, with their closed lists of reasons, and one report a resource in which they gather.
 */

import { REASONS } from '../../crds/v1alpha1/conditions.ts';
import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { Finding, Severity } from './result.ts';

type Reasons = typeof REASONS;
export type RejectedReason = Exclude<Reasons['Accepted'][number], 'Accepted'>;
export type UnresolvedReason = Exclude<Reasons['ResolvedRefs'][number], 'ResolvedRefs'>;
export type PartialReason = Reasons['PartiallyInvalid'][number];
export type FindingReason = RejectedReason | UnresolvedReason | PartialReason | 'Advice';

/** Without lastTransitionTime and observedGeneration, which belong to whoever writes the status. */
export type CompiledCondition =
  | {
      readonly type: 'Accepted';
      readonly status: 'True' | 'False';
      readonly reason: Reasons['Accepted'][number];
      readonly message: string;
    }
  | {
      readonly type: 'ResolvedRefs';
      readonly status: 'True' | 'False' | 'Unknown';
      readonly reason: Reasons['ResolvedRefs'][number];
      readonly message: string;
    }
  | { readonly type: 'Conflicted'; readonly status: 'True'; readonly reason: 'Conflicted'; readonly message: string }
  | {
      readonly type: 'PartiallyInvalid';
      readonly status: 'True';
      readonly reason: PartialReason;
      readonly message: string;
    };

/** Ten causes are what a person reads. */
const MESSAGES = 10;
/** A condition's message may have 32768 characters, and kubectl shows it on one line. */
const MESSAGE_LENGTH = 4096;

export interface UnresolvedDetail {
  readonly path?: string | undefined;
  readonly missing?: 'Secret' | 'ConfigMap' | undefined;
  /** It follows from another resource's problem, which says it itself. */
  readonly follows?: boolean | undefined;
}

export interface Part {
  readonly path?: string | undefined;
  readonly message: string;
}

interface Entry<Reason> {
  readonly reason: Reason;
  readonly message: string;
}

/** Gathers what is to be said of one resource. */
export class Report {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly findings: Finding[] = [];
  readonly #rejected: Entry<RejectedReason>[] = [];
  readonly #unresolved: Entry<UnresolvedReason>[] = [];
  readonly #partial: Entry<PartialReason>[] = [];
  readonly #conflicts: string[] = [];

  constructor(kind: Kind, namespace: string, name: string) {
    this.kind = kind;
    this.namespace = namespace;
    this.name = name;
  }

  get accepted(): boolean {
    return this.#rejected.length === 0;
  }

  get resolved(): boolean {
    return this.#unresolved.length === 0;
  }

  /** Why a resource that refers to this one cannot use it. */
  get unusable(): UnresolvedReason {
    return this.#unresolved[0]?.reason ?? 'InvalidContent';
  }

  /** The first problem in words, for those who refer to this one. */
  get problem(): string | undefined {
    return (this.#rejected[0] ?? this.#unresolved[0])?.message;
  }

  reject(reason: RejectedReason, message: string, path?: string): void {
    this.#rejected.push({ reason, message });
    this.#find('error', reason, message, path);
  }

  /** A field of the resource makes no sense. */
  rejectField(path: string, message: string): void {
    this.#rejected.push({ reason: 'Invalid', message: `${path}: ${message}` });
    this.#find('error', 'Invalid', message, path);
  }

  /** Nothing is left of the resource after what was said of its parts, which is said once more here. */
  rejectWhole(reason: RejectedReason, message: string): void {
    this.#rejected.push({ reason, message: joined([message, ...this.#partial.map((entry) => entry.message)]) });
  }

  unresolved(reason: UnresolvedReason, message: string, detail: UnresolvedDetail = {}): void {
    this.#unresolved.push({ reason, message });
    if (detail.follows !== true) this.#find('error', reason, message, detail.path, detail.missing);
  }

  /** `parts` are found one by one where they are few enough; the condition says `message` in any case. */
  partial(reason: PartialReason, message: string, parts: readonly Part[] = [{ message }]): void {
    this.#partial.push({ reason, message });
    for (const part of parts) this.#find('error', reason, part.message, part.path);
  }

  /** Another namespace says the same: both run, and both say so. */
  conflict(message: string): void {
    this.#conflicts.push(message);
    this.#find('warning', 'Conflicted', message, undefined);
  }

  advise(severity: 'warning' | 'note', message: string, path?: string): void {
    this.#find(severity, 'Advice', message, path);
  }

  /** What was found out about the same resource elsewhere. */
  include(other: Report): void {
    this.findings.push(...other.findings);
    this.#rejected.push(...other.#rejected);
    this.#unresolved.push(...other.#unresolved);
    this.#partial.push(...other.#partial);
    this.#conflicts.push(...other.#conflicts);
  }

  conditions(): CompiledCondition[] {
    const conditions: CompiledCondition[] = [this.#acceptedCondition(), this.#resolvedCondition()];
    if (this.#conflicts.length > 0) {
      conditions.push({ type: 'Conflicted', status: 'True', reason: 'Conflicted', message: joined(this.#conflicts) });
    }
    const partial = REASONS.PartiallyInvalid.flatMap((reason) =>
      this.#partial.filter((entry) => entry.reason === reason),
    );
    const first = partial[0];
    if (first !== undefined && this.accepted) {
      const message = joined(partial.map((entry) => entry.message));
      conditions.push({ type: 'PartiallyInvalid', status: 'True', reason: first.reason, message });
    }
    return conditions;
  }

  #acceptedCondition(): CompiledCondition {
    const first = this.#rejected[0];
    if (first === undefined) return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Valid.' };
    const message = joined(this.#rejected.map((entry) => entry.message));
    return { type: 'Accepted', status: 'False', reason: first.reason, message };
  }

  #resolvedCondition(): CompiledCondition {
    const first = this.#unresolved[0];
    if (first === undefined) {
      return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'Every reference was found.' };
    }
    const status = first.reason === 'Unknown' ? 'Unknown' : 'False';
    return {
      type: 'ResolvedRefs',
      status,
      reason: first.reason,
      message: joined(this.#unresolved.map((e) => e.message)),
    };
  }

  #find(
    severity: Severity,
    reason: FindingReason,
    message: string,
    path?: string,
    missing?: 'Secret' | 'ConfigMap',
  ): void {
    const { kind, namespace, name } = this;
    this.findings.push({ severity, kind, namespace, name, path, reason, missing, message });
  }
}

function joined(messages: readonly string[]): string {
  const shown = messages
    .slice(0, MESSAGES)
    .map((message) => (/[.!?]$/.test(message) ? message : `${message}.`))
    .join(' ');
  const all = messages.length > MESSAGES ? `${shown} And ${messages.length - MESSAGES} more.` : shown;
  return all.length > MESSAGE_LENGTH ? `${all.slice(0, MESSAGE_LENGTH - 1)}…` : all;
}
