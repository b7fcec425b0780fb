/** Whether an operator stands behind what `isthmus status` shows. */

import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { awayOperator } from '../../cli/status-operator.ts';
import { storyOf } from '../../cli/status-story.ts';
import { statusText } from '../../cli/status-text.ts';
import type { KubeObject } from '../../operator/kube/api.ts';

const NOW = Date.parse('2026-11-22T09:00:00Z');
const lease = (name: string, renewTime?: string): KubeObject => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'mail', name },
  spec: renewTime === undefined ? {} : { renewTime },
});
const ready: KubeObject = {
  apiVersion: 'isthmus.dev/v1alpha1',
  kind: 'RelayFleet',
  metadata: { namespace: 'mail', name: 'default', generation: 1 },
  status: {
    observedGeneration: 1,
    conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', observedGeneration: 1 }],
  },
};

describe('an operator', () => {
  it.each([
    ['renews its Lease', [lease('a', '2026-11-22T08:59:58.000000Z')], undefined],
    [
      'has one of two that are renewed',
      [lease('a', '2020-01-01T00:00:00Z'), lease('b', '2026-11-22T08:59:00Z')],
      undefined,
    ],
    ['is being moved to another node', [lease('a', '2026-11-22T08:58:30.000000Z')], undefined],
    ['has a clock before ours', [lease('a', '2026-11-22T09:05:00.000000Z')], undefined],
    ['has a Lease that this user may not see', [], undefined],
    ['has never written its Lease', [lease('a')], undefined],
    ['renews none any more', [lease('a', '2020-01-01T00:00:00Z'), lease('b', '2026-11-22T08:48:00Z')], 'b'],
  ])('%s', (_, leases, away) => {
    expect(awayOperator(leases, NOW)?.lease).toBe(away);
  });

  it('that is away is said before everything, and nothing is ready then', () => {
    const story = storyOf([ready], 'mail', [], awayOperator([lease('b', '2026-11-22T08:48:00Z')], NOW));
    const text = stripVTControlCharacters(statusText(story, { wide: false, now: NOW }));
    expect(text).toMatch(/^1 object in namespace mail, all ready when an operator last looked\n\n✗ No operator runs: /);
    expect(text).toContain('nobody has renewed Lease mail/b for 12m\n');
    expect(story.ready).toBe(false);
    expect(storyOf([ready], 'mail', []).ready).toBe(true);
  });
});
