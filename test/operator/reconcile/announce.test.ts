/** Which changes of a status are worth an event. */

import { describe, expect, it } from 'vitest';
import type { Condition } from '../../../crds/v1alpha1/conditions.ts';
import { announcements } from '../../../operator/reconcile/announce.ts';

const condition = (type: Condition['type'], status: Condition['status'], reason: Condition['reason']): Condition => ({
  type,
  status,
  reason,
  message: `${type} ${reason}`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  observedGeneration: 1,
});

function told(before: readonly Condition[], after: readonly Condition[]): string[] {
  const subject = { kind: 'SharedDomain', namespace: 'mail', name: 'x', generation: 1, status: { conditions: before } };
  const result = { status: { conditions: after }, changed: true, nextLookMs: undefined, programmed: undefined };
  return announcements({ ...subject, kind: 'SharedDomain' }, result).map(({ type, reason }) => `${type} ${reason}`);
}

describe('an event is told', () => {
  it('when something is wrong, once', () => {
    const wrong = condition('ResolvedRefs', 'False', 'NotFound');
    expect(told([], [wrong])).toEqual(['Warning NotFound']);
    expect(told([wrong], [{ ...wrong, message: 'in other words' }])).toEqual([]);
  });

  it('when it is wrong in another way, and when it is right again', () => {
    const before = condition('ResolvedRefs', 'False', 'NotFound');
    expect(told([before], [condition('ResolvedRefs', 'False', 'KeyNotFound')])).toEqual(['Warning KeyNotFound']);
    expect(told([before], [condition('ResolvedRefs', 'True', 'ResolvedRefs')])).toEqual(['Normal ResolvedRefs']);
  });

  it('when every pod runs it, but not while they are getting there', () => {
    const pending = condition('Programmed', 'False', 'Pending');
    expect(told([], [pending])).toEqual([]);
    expect(told([pending], [condition('Programmed', 'True', 'Programmed')])).toEqual(['Normal Programmed']);
  });

  it('when relays cannot start and when all are as they should be, but not while they are replaced, nor of a pause', () => {
    const rolling = condition('RolledOut', 'False', 'RollingOut');
    expect(told([], [rolling])).toEqual([]);
    expect(told([rolling], [condition('RolledOut', 'False', 'PodsCannotStart')])).toEqual(['Warning PodsCannotStart']);
    expect(told([rolling], [condition('RolledOut', 'True', 'RolledOut')])).toEqual(['Normal RolledOut']);
    expect(told([rolling], [condition('RolledOut', 'Unknown', 'FleetPaused')])).toEqual([]);
  });

  it('when a condition that speaks of trouble appears, but not for those that repeat others', () => {
    expect(told([], [condition('Conflicted', 'True', 'Conflicted')])).toEqual(['Warning Conflicted']);
    expect(told([], [condition('Stalled', 'True', 'NotFound'), condition('Ready', 'False', 'NotFound')])).toEqual([]);
  });

  it('not for what was right from the start', () => {
    expect(
      told([], [condition('Accepted', 'True', 'Accepted'), condition('ResolvedRefs', 'True', 'ResolvedRefs')]),
    ).toEqual([]);
  });
});
