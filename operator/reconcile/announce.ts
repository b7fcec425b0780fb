/** Says in an event what has changed in a status. */

import type { Condition } from '../../crds/v1alpha1/conditions.ts';
import type { StatusResult, Subject } from '../status/facts.ts';

export interface Announcement {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Waiting is no news: each change goes through it. */
const QUIET = new Set<Condition['reason']>([
  'Pending',
  'NoReadyPods',
  'NotAccepted',
  'Unknown',
  'RollingOut',
  'Scaling',
  'PodsNotReady',
]);
const GOOD = new Set<Condition['type']>(['Accepted', 'ResolvedRefs', 'Programmed', 'RolledOut']);
/** Repeat what others say. */
const SUMMARIES = new Set<Condition['type']>(['Ready', 'Reconciling', 'Stalled']);

export function announcements(subject: Subject, { status }: StatusResult): Announcement[] {
  const before = new Map((subject.status?.conditions ?? []).map((condition) => [condition.type, condition]));
  return (status.conditions ?? []).flatMap((condition): Announcement[] => {
    const { type, status: is, reason, message } = condition;
    const earlier = before.get(type);
    if (SUMMARIES.has(type) || QUIET.has(reason) || is === 'Unknown') return [];
    if (earlier?.status === is && earlier.reason === reason) return [];
    if (!GOOD.has(type)) return is === 'True' ? [{ type: 'Warning', reason, message }] : [];
    if (is !== 'True') return [{ type: 'Warning', reason, message }];
    // That it is accepted and resolved goes without saying, unless it was not.
    const isNews = type === 'Programmed' || (earlier !== undefined && earlier.status !== 'True');
    return isNews ? [{ type: 'Normal', reason, message }] : [];
  });
}
