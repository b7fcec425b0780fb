/** What is read out of a Deployment. */

import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { deploymentFacts, notMade } from '../../../operator/reconcile/deployment-facts.ts';

const FAILED_AT = '2026-01-01T00:00:00Z';

function deployment(status: object): KubeObject {
  const metadata = { namespace: 'mail', name: 'default-relay', generation: 2 };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 3 }, status };
}

describe('of a Deployment', () => {
  it('is read how many pods of which kind it has', () => {
    const counts = { replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 2 };
    const conditions = [{ type: 'Available', status: 'True', message: 'It has minimum availability.' }];
    expect(deploymentFacts(deployment({ observedGeneration: 2, ...counts, conditions }))).toEqual({
      ...counts,
      available: true,
      message: 'It has minimum availability.',
      wanted: 3,
      observed: true,
      deadlineExceeded: false,
    });
  });

  it('is seen that nobody has looked at it yet', () => {
    expect(deploymentFacts(deployment({}))).toMatchObject({ available: false, observed: false, updatedReplicas: 0 });
  });

  it('is seen that its controller has given up waiting', () => {
    const halted = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' };
    const facts = deploymentFacts(deployment({ conditions: [halted] }));
    expect(facts).toMatchObject({ deadlineExceeded: true, message: 'timed out' });
  });

  it('is told why no pod can be made, without the name that changes at every attempt', () => {
    const failed = (name: string) => {
      const message = `pods "${name}" is forbidden: exceeded quota: few, requested: pods=1`;
      const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message };
      return notMade(deployment({ conditions: [{ ...failure, lastTransitionTime: FAILED_AT }] }));
    };
    const text = 'FailedCreate: pods are refused: exceeded quota: few, requested: pods=1';
    expect(failed('a')).toEqual([{ text, since: Date.parse(FAILED_AT), needs: 'somebody' }]);
    expect(failed('b')).toEqual(failed('a'));
    expect(notMade(deployment({ conditions: [{ type: 'ReplicaFailure', status: 'False' }] }))).toEqual([]);
    expect(notMade(undefined)).toEqual([]);
  });
});
