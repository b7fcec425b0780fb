/** What a process may do with a Lease that it sees, and what it then writes: pure, so that every case can be played. */

import type { KubeObject, ResourceType } from './api.ts';

export const LEASE: ResourceType = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' };

/** Labels by which the Lease of an operator of Isthmus is found, whatever its installation is called. */
export const OPERATOR_LEASE = { 'app.kubernetes.io/name': 'isthmus', 'app.kubernetes.io/managed-by': 'isthmus' };

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Claim {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `keep`: it is ours. `take`: nobody's, or its holder has not moved for its whole duration. */
export type Move = 'create' | 'keep' | 'take' | { readonly waitMs: number };

export function specOf(lease: KubeObject): LeaseSpec {
  return (lease['spec'] ?? {}) as LeaseSpec;
}

/**
 * `unchangedMs`: for how long we, by our own clock, have seen the lease as it is. Times that others wrote into it
 * are never compared with ours.
 */
export function nextMove(lease: KubeObject | undefined, identity: string, unchangedMs: number): Move {
  if (lease === undefined) return 'create';
  const { holderIdentity = '', leaseDurationSeconds = 0 } = specOf(lease);
  if (holderIdentity === identity) return 'keep';
  if (holderIdentity === '') return 'take';
  // The holder's duration, not ours: it may run with other settings.
  const waitMs = leaseDurationSeconds * 1000 - unchangedMs;
  return waitMs <= 0 ? 'take' : { waitMs };
}

/** The lease as it is written to hold it; over `before`, of which the resourceVersion stays so that only one can. */
export function heldLease(claim: Claim, before: KubeObject | undefined, wallMs: number): KubeObject {
  const old = before === undefined ? undefined : specOf(before);
  const now = microTime(wallMs);
  const isOurs = old?.holderIdentity === claim.identity;
  return withSpec(claim, before, {
    holderIdentity: claim.identity,
    // The API has whole seconds; longer than we count ourselves is the safe side.
    leaseDurationSeconds: Math.ceil(claim.leaseDurationMs / 1000),
    acquireTime: isOurs ? (old.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: (old?.leaseTransitions ?? 0) + (old === undefined || isOurs ? 0 : 1),
  });
}

/** Whoever waits may take it at once. */
export function releasedLease(claim: Claim, before: KubeObject, wallMs: number): KubeObject {
  const now = microTime(wallMs);
  return withSpec(claim, before, {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: specOf(before).leaseTransitions ?? 0,
  });
}

function withSpec(claim: Claim, before: KubeObject | undefined, spec: LeaseSpec): KubeObject {
  const { apiVersion, kind } = LEASE;
  const { namespace, name, labels } = claim;
  const metadata = before?.metadata ?? { namespace, name };
  const labelled = labels === undefined ? metadata : { ...metadata, labels: { ...metadata.labels, ...labels } };
  return { apiVersion, kind, metadata: labelled, spec };
}

/** RFC 3339 with the six decimals that a MicroTime has. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
