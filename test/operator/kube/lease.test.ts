/** Who may do what with a Lease: every case, without a server. */

import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { heldLease, microTime, nextMove, releasedLease, specOf } from '../../../operator/kube/lease.ts';

const lease = (spec: object): KubeObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'mail', name: 'isthmus', resourceVersion: '7', uid: 'u' },
  spec,
});
const theirs = lease({ holderIdentity: 'them', leaseDurationSeconds: 15, leaseTransitions: 3, acquireTime: 'then' });

describe('the next move', () => {
  const cases = [
    { name: 'no lease: make it', seen: undefined, unchangedMs: 0, move: 'create' },
    { name: 'ours: keep it', seen: lease({ holderIdentity: 'us' }), unchangedMs: 99_000, move: 'keep' },
    {
      name: 'released: take it',
      seen: lease({ holderIdentity: '', leaseDurationSeconds: 1 }),
      unchangedMs: 0,
      move: 'take',
    },
    { name: 'never held: take it', seen: lease({}), unchangedMs: 0, move: 'take' },
    { name: 'theirs, just seen: wait all of it', seen: theirs, unchangedMs: 0, move: { waitMs: 15_000 } },
    { name: 'theirs, seen for a while: wait the rest', seen: theirs, unchangedMs: 14_999, move: { waitMs: 1 } },
    { name: 'theirs, unchanged for its duration: take it', seen: theirs, unchangedMs: 15_000, move: 'take' },
    {
      name: 'theirs, with a time of long ago by their clock: wait all the same',
      seen: lease({ holderIdentity: 'them', leaseDurationSeconds: 15, renewTime: '1999-01-01T00:00:00.000000Z' }),
      unchangedMs: 0,
      move: { waitMs: 15_000 },
    },
  ];
  test.each(cases)('$name', ({ seen, unchangedMs, move }) => {
    expect(nextMove(seen, 'us', unchangedMs)).toEqual(move);
  });
});

describe('what is written', () => {
  const claim = { namespace: 'mail', name: 'isthmus', identity: 'us', leaseDurationMs: 1500 };
  const now = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  const text = '2026-01-02T03:04:05.006000Z';

  test('for a new lease names us, in whole seconds rounded up', () => {
    const written = heldLease(claim, undefined, now);
    expect(written.metadata).toEqual({ namespace: 'mail', name: 'isthmus' });
    expect(specOf(written)).toEqual({
      holderIdentity: 'us',
      leaseDurationSeconds: 2,
      acquireTime: text,
      renewTime: text,
      leaseTransitions: 0,
    });
  });

  test('over theirs counts a transition and keeps the resourceVersion, so that one alone can', () => {
    const written = heldLease(claim, theirs, now);
    expect(written.metadata.resourceVersion).toBe('7');
    expect(specOf(written)).toMatchObject({ holderIdentity: 'us', leaseTransitions: 4, acquireTime: text });
  });

  test('over ours renews it and counts nothing', () => {
    const ours = heldLease(claim, theirs, now - 60_000);
    const written = specOf(heldLease(claim, ours, now));
    expect(written).toMatchObject({ leaseTransitions: 4, renewTime: text, acquireTime: microTime(now - 60_000) });
  });

  test('on release names nobody', () => {
    const released = releasedLease(claim, theirs, now);
    expect(specOf(released)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 3 });
    expect(nextMove(released, 'anybody', 0)).toBe('take');
  });
});
