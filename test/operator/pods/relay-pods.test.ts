/** What is read out of Pod objects. */

import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../operator/kube/api.ts';
import { relayPods, stuckPods } from '../../../operator/pods/relay-pods.ts';

const RUNNING: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'default-relay-1',
    uid: 'u1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'isthmus.dev/revision': 'r1' },
  },
  spec: { nodeName: 'n1' },
  status: {
    phase: 'Running',
    podIP: '10.0.0.1',
    conditions: [
      { type: 'Initialized', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
    containerStatuses: [{ image: 'relay:1', restartCount: 2, state: { running: {} } }],
  },
};

function waiting(reason: string, message: string): KubeObject {
  const status = { containerStatuses: [{ image: 'r/relay:1', state: { waiting: { reason, message } } }] };
  return { ...RUNNING, status };
}

const CRASHES = 'CrashLoopBackOff: the relay ends soon after it has started';

describe('relayPods', () => {
  it('reads a running pod', () => {
    expect(relayPods([RUNNING])).toEqual([
      {
        name: 'default-relay-1',
        uid: 'u1',
        ip: '10.0.0.1',
        node: 'n1',
        ready: true,
        terminating: false,
        restarts: 2,
        created: Date.parse('2026-01-01T00:00:00Z'),
        annotatedRevision: 'r1',
        waiting: undefined,
        stuck: undefined,
      },
    ]);
  });

  it('reads a pod that was made a moment ago', () => {
    const { status: _, spec: __, ...fresh } = RUNNING;
    const metadata = { name: 'a', uid: 'u2', creationTimestamp: '2026-01-01T00:00:00Z' };
    expect(relayPods([{ ...fresh, metadata }])[0]).toMatchObject({
      ip: undefined,
      node: undefined,
      ready: false,
      restarts: 0,
      annotatedRevision: undefined,
      waiting: undefined,
    });
  });

  it('sees that a pod terminates or is not ready', () => {
    const metadata = { ...RUNNING.metadata, deletionTimestamp: '2026-01-01T00:10:00Z' };
    const status = { conditions: [{ type: 'Ready', status: 'False' }] };
    expect(relayPods([{ ...RUNNING, metadata, status }])[0]).toMatchObject({ terminating: true, ready: false });
  });

  it('takes an empty annotation for none', () => {
    const metadata = { ...RUNNING.metadata, annotations: { 'isthmus.dev/revision': '' } };
    expect(relayPods([{ ...RUNNING, metadata }])[0]?.annotatedRevision).toBeUndefined();
  });

  it('leaves out pods that have run to their end', () => {
    const ended = ['Failed', 'Succeeded'].map((phase) => ({ ...RUNNING, status: { phase } }));
    expect(relayPods(ended)).toEqual([]);
  });

  it('says the same of an image that cannot be pulled whichever of its two words the kubelet says', () => {
    const [first, second] = relayPods([
      waiting('ErrImagePull', 'rpc error: code = NotFound'),
      waiting('ImagePullBackOff', 'Back-off pulling image'),
    ]);
    expect(first?.waiting).toBe(
      'ImagePullBackOff: image r/relay:1 cannot be pulled: correct spec.image or spec.imagePullSecrets, ' +
        'or bring it to the registry or the nodes',
    );
    expect(second?.waiting).toBe(first?.waiting);
  });

  it.each([
    [
      'ErrImageNeverPull',
      'ErrImageNeverPull: image r/relay:1 is not on the node, and is never pulled: bring it to every node, or correct spec.image',
    ],
    ['InvalidImageName', 'InvalidImageName: image r/relay:1 has a malformed name: correct spec.image'],
    ['CrashLoopBackOff', CRASHES],
    ['RunContainerError', 'RunContainerError: container of image r/relay:1 does not start'],
    ['ContainerCreating', undefined],
    ['PodInitializing', undefined],
  ])('says why a container waits: %s', (reason, expected) => {
    expect(relayPods([waiting(reason, 'x')])[0]?.waiting).toBe(expected);
  });

  const NOT_READY = { type: 'Ready', status: 'False', lastTransitionTime: '2026-01-01T00:01:00Z' };
  const since = Date.parse(NOT_READY.lastTransitionTime);
  const looping = { ready: false, restartCount: 2, state: { running: {} } };
  const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes fit' };

  it.each([
    ['a relay that runs between two of its ends', { conditions: [NOT_READY], containerStatuses: [looping] }, CRASHES],
    [
      'a relay that runs again after one end',
      { conditions: [NOT_READY], containerStatuses: [{ restartCount: 1 }] },
      undefined,
    ],
    [
      'a relay that is ready after many',
      { conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [looping] },
      undefined,
    ],
    ['a pod that starts', { conditions: [NOT_READY] }, undefined],
  ])('knows what keeps %s from getting ready', (_, status, text) => {
    const expected = text === undefined ? undefined : { text, since, needs: 'somebody' };
    expect(relayPods([{ ...RUNNING, status }])[0]?.stuck).toEqual(expected);
  });

  it('knows that a pod needs a node, since it was made', () => {
    const [pod] = relayPods([{ ...RUNNING, status: { conditions: [unscheduled] } }]);
    const text = 'Unschedulable: 0/2 nodes fit';
    expect(pod?.stuck).toEqual({ text, since: Date.parse('2026-01-01T00:00:00Z'), needs: 'node' });
    expect(pod?.waiting).toBeUndefined();
  });

  it('says a cause that several pods share once, with one of them, and nothing of those that end', () => {
    const named = (name: string, pod: KubeObject, more = {}) => ({
      ...pod,
      metadata: { ...pod.metadata, name, ...more },
    });
    const pods = relayPods([
      named('a', waiting('ErrImagePull', '')),
      named('b', waiting('CrashLoopBackOff', '')),
      named('c', waiting('ImagePullBackOff', ''), { creationTimestamp: '2025-12-31T23:00:00Z' }),
      named('d', RUNNING),
      named('e', waiting('RunContainerError', ''), { deletionTimestamp: '2026-01-01T00:10:00Z' }),
    ]);
    expect(stuckPods(pods)).toEqual([
      { text: `pod a and 1 more: ${pods[0]?.waiting}`, since: Date.parse('2025-12-31T23:00:00Z'), needs: 'somebody' },
      { text: `pod b: ${CRASHES}`, since: Date.parse('2026-01-01T00:00:00Z'), needs: 'somebody' },
    ]);
  });
});
