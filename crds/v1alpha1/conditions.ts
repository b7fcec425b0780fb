/** The status that every kind has: conditions, whose types and reasons are closed lists. */

import { z } from 'zod';
import { mapBy } from './rules.ts';

/** On every kind. Those after Ready, and those of one kind below but for RolledOut, are there only while True. */
const SHARED_TYPES = [
  'Accepted',
  'ResolvedRefs',
  'Programmed',
  'Ready',
  'Reconciling',
  'Stalled',
  'Conflicted',
] as const;

export const CONDITION_TYPES = {
  RelayFleet: [...SHARED_TYPES, 'RolledOut', 'ClientAddressHidden'],
  SharedDomain: SHARED_TYPES,
  TenantRoute: [...SHARED_TYPES, 'PartiallyInvalid', 'NextHopRefusesUs'],
  RewriteRule: [...SHARED_TYPES, 'PartiallyInvalid'],
} as const;

/** Reconciling, Stalled and Ready=False repeat the reason of their cause, which for the first two may be RolledOut. */
export const REASONS = {
  Accepted: ['Accepted', 'Invalid', 'Conflicted', 'NotAllowedByTenantRoute', 'DomainNotAllowed'],
  ResolvedRefs: ['ResolvedRefs', 'FleetNotFound', 'NotFound', 'KeyNotFound', 'InvalidContent', 'Unknown'],
  Programmed: ['Programmed', 'Pending', 'NotAccepted', 'NoReadyPods', 'CanaryFailed', 'ImageTooOld', 'FleetPaused'],
  Ready: ['Ready', 'DeploymentUnavailable', 'AddressNotAssigned', 'Invalid'],
  RolledOut: [
    'RolledOut',
    'RollingOut',
    'Scaling',
    'PodsNotReady',
    'PodsCannotStart',
    'ProgressDeadlineExceeded',
    'NotAccepted',
    'FleetPaused',
  ],
  PartiallyInvalid: ['Conflicted', 'OutsideDomain', 'InvalidRow', 'DuplicateRow'],
  Conflicted: ['Conflicted'],
  ClientAddressHidden: ['ClientAddressHidden'],
  NextHopRefusesUs: ['NextHopRefusesUs'],
} as const;

export type ConditionType = (typeof CONDITION_TYPES)[keyof typeof CONDITION_TYPES][number];
export type Reason = (typeof REASONS)[keyof typeof REASONS][number];

/** Each name once: an enum of the CRD refuses duplicates. */
const ALL_REASONS = [...new Set<Reason>(Object.values(REASONS).flat())] as [Reason, ...Reason[]];

export interface Condition<Type extends string = ConditionType> {
  readonly type: Type;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** metadata.generation counts as an int64; JavaScript is exact up to here. */
const GENERATION = z.int().min(-1).max(Number.MAX_SAFE_INTEGER);

export const observedGeneration = GENERATION.describe(
  'The metadata.generation that this status speaks of; -1 while nothing has looked at the object yet.',
);

export function conditions<const T extends readonly [string, ...string[]]>(types: T) {
  const condition = z.object({
    type: z.enum(types).describe('What the condition speaks of.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
    reason: z.enum(ALL_REASONS).describe('Why, in one word that programs can rely on.'),
    message: z.string().max(32768).describe('Why, for people; names what is at fault and what to do.'),
    lastTransitionTime: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .describe('When the status of this condition last changed.'),
    observedGeneration: GENERATION.describe('The metadata.generation that this condition speaks of.'),
  });
  return mapBy('type', z.array(condition).max(16)).describe(
    'Accepted: valid. ResolvedRefs: every reference found. Programmed: every relay pod runs it. Ready: all three.',
  );
}

/** What the API server writes when it creates an object, so that "not looked at yet" can be told from "fine". */
export const UNOBSERVED = { observedGeneration: -1 };
