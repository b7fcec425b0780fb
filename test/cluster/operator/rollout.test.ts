/** A fleet says whether its relays are as it asks for. Here are no nodes: what a kubelet would say of a pod, the test says. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { until } from '../daemon.ts';
import { type Installation, install, type OperatorProcess } from './installation.ts';
import { Eyes, relayFleet, type Seen } from './seen.ts';

const OPTIONS = { namespace: 'mail', values: { defaultFleet: { create: false } } };
const [OLD, NEW, LOST] = ['registry.example/relay:1', 'registry.example/relay:2', 'registry.example/relay:lost'];
/** Longer than any of the operator's patience. */
const LONG_AGO = '2026-01-01T00:00:00Z';
/** So long that a wait which the former state would end has ended. */
const MOMENT = '--timeout=3s';

let plane: ControlPlane;
let installation: Installation;
let operator: OperatorProcess;
let eyes: Eyes;

beforeAll(async () => {
  plane = await startControlPlane();
  installation = await install(plane, { ...OPTIONS, settings: { relayImage: OLD } });
  operator = await installation.startOperator();
  eyes = new Eyes(plane, 'mail');
  eyes.log = () => operator.daemon.log();
  await eyes.apply(relayFleet('first', { replicas: 1 }), relayFleet('second', { replicas: 1 }));
});
afterAll(async () => {
  await installation?.stop();
  await plane?.stop();
});

const imageOf = (pod: Seen) => (pod.spec?.['containers'] as { image: string }[] | undefined)?.[0]?.image;

/** As a kubelet would of that fleet's pod with that image, once it is there. */
async function say(fleet: string, image: string, status: object): Promise<void> {
  let pod: Seen | undefined;
  const find = async () => {
    const pods = await eyes.list('pods', '--selector', `isthmus.dev/fleet=${fleet}`);
    pod = pods.find((each) => imageOf(each) === image);
    return pod !== undefined;
  };
  await until(`fleet ${fleet} has a pod of ${image}`, find, { seconds: 20, every: 100 });
  const patch = ['--subresource=status', '--type=merge', '--patch', JSON.stringify({ status })];
  await plane.kubectlOrThrow(['patch', 'pod', pod?.metadata.name ?? '', '--namespace', 'mail', ...patch]);
}

const ready = (status: 'True' | 'False') => ({ type: 'Ready', status, lastTransitionTime: LONG_AGO });
const isReady = (fleet: string, image: string) => say(fleet, image, { conditions: [ready('True')] });

const waitFor = (fleet: string, what: string, timeout: string) =>
  plane.kubectl(['wait', 'rfleet', fleet, '--namespace', 'mail', `--for=${what}`, timeout]);

describe('a fleet', () => {
  it('is not rolled out while its first relays start, and names their image once they are there', async () => {
    const { message } = await eyes.untilReason('relayfleet', 'first', 'RolledOut', 'PodsNotReady');
    expect(message).toBe('0 of 1 relays are available.');
    expect((await eyes.get('relayfleet', 'first'))?.status).not.toHaveProperty('image');
    await isReady('first', OLD);
    const { status } = await eyes.untilReason('relayfleet', 'first', 'RolledOut', 'RolledOut');
    expect(status).toBe('True');
    expect((await eyes.get('relayfleet', 'first'))?.status).toMatchObject({ image: OLD, updatedReplicas: 1 });
  });

  it('is waited for by its condition right after its spec has changed', async () => {
    await eyes.apply(relayFleet('first', { replicas: 1, image: LOST }));
    expect(await waitFor('first', 'condition=RolledOut', MOMENT)).toMatchObject({ code: 1 });
    const told = await eyes.untilReason('relayfleet', 'first', 'RolledOut', 'RollingOut');
    expect(told.message).toBe('1 of 1 relays have the newest pod template, and 1 are ready.');
    expect((await eyes.get('relayfleet', 'first'))?.status).toMatchObject({ replicas: 2, updatedReplicas: 1 });
  });

  it('has stalled when a new relay cannot be started for two minutes, in the words of its pod', async () => {
    const waiting = { reason: 'ErrImagePull', message: 'not found' };
    const container = { name: 'relay', image: LOST, imageID: '', ready: false, restartCount: 0, state: { waiting } };
    await say('first', LOST, { conditions: [ready('False')], containerStatuses: [container] });
    const { message } = await eyes.untilReason('relayfleet', 'first', 'Stalled', 'PodsCannotStart');
    expect(message).toMatch(
      /Pod first-relay-\S+: ImagePullBackOff: image registry\.example\/relay:lost cannot be pulled/,
    );
    expect(await eyes.condition('relayfleet', 'first', 'RolledOut')).toMatchObject({ status: 'False', message });
    expect(await operator.metric('isthmus_operator_fleet_stalled', { fleet: 'first' })).toBe(1);
    const events = (await eyes.list('events')) as unknown as { reason: string; involvedObject: { name: string } }[];
    expect(events.map(({ reason, involvedObject }) => `${involvedObject.name} ${reason}`)).toContain(
      'first PodsCannotStart',
    );
  });

  it('goes on as soon as its image is corrected', async () => {
    await eyes.apply(relayFleet('first', { replicas: 1 }));
    await eyes.untilReason('relayfleet', 'first', 'RolledOut', 'RolledOut');
    expect(await eyes.condition('relayfleet', 'first', 'Stalled')).toBeUndefined();
    expect((await eyes.get('relayfleet', 'first'))?.status).toMatchObject({ image: OLD, replicas: 1 });
    expect(await operator.metric('isthmus_operator_fleet_stalled', { fleet: 'first' })).toBe(0);
  });

  it('says that a quota keeps it from growing', async () => {
    await eyes.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'few' },
      spec: { hard: { pods: '2' } },
    });
    await eyes.until('resourcequota', 'few', 'is counted', (seen) => seen?.status?.['used'] !== undefined);
    await plane.kubectlOrThrow(['scale', 'rfleet', 'first', '--namespace', 'mail', '--replicas=2']);
    const { message } = await eyes.untilReason('relayfleet', 'first', 'RolledOut', 'PodsCannotStart');
    expect(message).toMatch(/^1 of 2 relays are there\. FailedCreate: pods are refused: exceeded quota: few/i);
    await eyes.remove('resourcequota', 'few');
    await plane.kubectlOrThrow(['scale', 'rfleet', 'first', '--namespace', 'mail', '--replicas=1']);
    await eyes.untilReason('relayfleet', 'first', 'RolledOut', 'RolledOut');
  });
});

describe('after an upgrade of the operator', () => {
  it('a fleet is waited for by its image: what it said before ends no wait', async () => {
    await isReady('second', OLD);
    await eyes.untilReason('relayfleet', 'second', 'RolledOut', 'RolledOut');
    await operator.daemon.kill('SIGTERM');
    const upgraded = await install(plane, { ...OPTIONS, settings: { relayImage: NEW } });
    const image = `jsonpath={.status.image}=${NEW}`;
    try {
      // The state of before the upgrade, as nobody leads yet: the condition is still True.
      expect(await waitFor('first', 'condition=RolledOut', MOMENT)).toMatchObject({ code: 0 });
      expect(await waitFor('first', image, MOMENT)).toMatchObject({ code: 1 });
      operator = await upgraded.startOperator('upgraded');
      await eyes.until('deployment', 'first-relay', 'has the new image', (seen) =>
        JSON.stringify(seen?.spec).includes(NEW),
      );
      expect(await waitFor('first', image, MOMENT)).toMatchObject({ code: 1 });
      const { message } = await eyes.untilReason('relayfleet', 'second', 'RolledOut', 'RollingOut');
      expect(message).toBe(`It gets image ${NEW} when every relay of the fleets before it runs that.`);
      await isReady('first', NEW);
      expect(await waitFor('first', image, '--timeout=20s')).toMatchObject({ code: 0 });
      expect(await waitFor('first', 'condition=RolledOut', MOMENT)).toMatchObject({ code: 0 });
    } finally {
      await upgraded.stop();
    }
  });
});
