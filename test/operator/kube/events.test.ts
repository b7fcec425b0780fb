/** Events as people see them with kubectl, on a real API server; and what is done while there is none. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api, ApiAnswer, ApiFailure, KubeObject } from '../../../operator/kube/api.ts';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import type { EventAbout, EventNews } from '../../../operator/kube/event-correlation.ts';
import { EVENT, eventRecorder } from '../../../operator/kube/events.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { until } from '../../cluster/daemon.ts';
import { CONFIG_MAP, configMap, makeNamespace, value } from './following.ts';
import { settled, virtualClock } from './virtual-clock.ts';

const SOURCE = { component: 'isthmus', instance: 'isthmus-0' };

describe('on a cluster', () => {
  let cluster: ControlPlane;
  let kube: Kube;

  beforeAll(async () => {
    cluster = await startControlPlane();
    kube = connect({ kubeconfig: cluster.kubeconfig });
  }, 120_000);

  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  async function objectIn(namespace: string): Promise<EventAbout> {
    await makeNamespace(kube, namespace);
    const made = value(await kube.create(CONFIG_MAP, configMap(namespace, 'told-about')));
    const { uid = '' } = made.metadata;
    return { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'told-about', uid };
  }

  test('kubectl describe and kubectl events show each once, with a count', async () => {
    const about = await objectIn('shown');
    const recorder = eventRecorder({ api: kube, ...SOURCE });
    for (let each = 0; each < 3; each++)
      recorder.record({ about, type: 'Warning', reason: 'Refused', note: 'the table has no column "address"' });
    recorder.record({ about, type: 'Normal', reason: 'Programmed', note: 'runs in all pods' });
    await recorder.stop();
    const described = await cluster.kubectlOrThrow(['describe', 'configmap', 'told-about', '-n', 'shown']);
    expect(described).toMatch(/Warning +Refused +\S+ \(x3 over \S+\) +isthmus +the table has no column "address"\n/);
    expect(described).toMatch(/Normal +Programmed +\S+ +isthmus +runs in all pods\n/);
    const listed = await cluster.kubectlOrThrow(['events', '-n', 'shown', '--for', 'configmap/told-about']);
    expect(listed.trim().split('\n')).toHaveLength(3);
    expect(listed).toMatch(/\(x3 over \S+\) +Warning +Refused +ConfigMap\/told-about/);
    const newer = await cluster.kubectlOrThrow(['get', 'events.v1.events.k8s.io', '-n', 'shown', '-o', 'name']);
    expect(newer.trim().split('\n')).toHaveLength(2);
  });

  test('one that has expired meanwhile begins again', async () => {
    const about = await objectIn('expired');
    const recorder = eventRecorder({ api: kube, ...SOURCE });
    const news: EventNews = { about, type: 'Normal', reason: 'Tested', note: 'again' };
    const events = async () => value(await kube.list(EVENT, 'expired'));
    const untilOne = async () => {
      await until('there is one', async () => (await events()).length === 1);
      return (await events())[0] as KubeObject;
    };
    recorder.record(news);
    const { metadata } = await untilOne();
    value(await kube.remove(EVENT, 'expired', metadata.name, { uid: metadata.uid ?? '' }));
    recorder.record(news);
    const again = await untilOne();
    expect(again.metadata.name).not.toBe(metadata.name);
    expect(again).toMatchObject({ count: 2, message: 'again', involvedObject: { uid: about.uid } });
    await recorder.stop();
  });

  test('what nobody will see is said to the owner, and stops nothing', async () => {
    const about = await objectIn('seen');
    const troubles: string[] = [];
    const onTrouble = ({ reason }: ApiFailure, { note }: EventNews) => void troubles.push(`${reason}: ${note}`);
    const recorder = eventRecorder({ api: kube, ...SOURCE, onTrouble });
    recorder.record({ about: { ...about, namespace: 'nowhere' }, type: 'Normal', reason: 'Tested', note: 'lost' });
    recorder.record({ about, type: 'Normal', reason: 'Tested', note: 'seen' });
    await recorder.stop();
    expect(troubles).toEqual(['NotFound: lost']);
    const seen = value(await kube.list(EVENT, 'seen'));
    expect(seen.map((event) => event['message'])).toEqual(['seen']);
  });

  test('an object with the longest of names has events, one of the whole cluster in default', async () => {
    const recorder = eventRecorder({ api: kube, ...SOURCE });
    const about = { apiVersion: 'example.org/v1', kind: 'Thing', name: 'x'.repeat(253), uid: 'long' };
    recorder.record({ about, type: 'Normal', reason: 'Tested', note: 'of the cluster' });
    await recorder.stop();
    const events = value(await kube.list(EVENT, 'default')).filter((event) => event['reason'] === 'Tested');
    expect(events.map((event) => event['message'])).toEqual(['of the cluster']);
  });
});

describe('while the API server does not answer', () => {
  const about = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'mail', name: 'x', uid: 'u' };
  const news = (note: string): EventNews => ({
    about: { ...about, name: note },
    type: 'Normal',
    reason: 'Tested',
    note,
  });
  const AWAY: ApiFailure = { ok: false, status: undefined, reason: 'NoAnswer', message: 'away' };

  /** Stands for a server that is away: nothing of its own behaviour is needed but that. */
  function away() {
    const clock = virtualClock();
    const sent: string[] = [];
    const lost: string[] = [];
    let answer: (object: KubeObject) => ApiAnswer<KubeObject> = () => AWAY;
    const api: Pick<Api, 'create' | 'merge'> = {
      create: (_type, object) => {
        sent.push(String(object['message']));
        return Promise.resolve(answer(object));
      },
      merge: () => Promise.resolve(AWAY),
    };
    const onTrouble = (_failure: ApiFailure, { note }: EventNews) => void lost.push(note);
    const recorder = eventRecorder({ api, clock, ...SOURCE, onTrouble });
    const back = () => {
      answer = (object) => ({ ok: true, value: object });
    };
    return { clock, sent, lost, recorder, back };
  }

  test('it is asked again every ten seconds, twelve times, then the next event has its turn', async () => {
    const { clock, sent, lost, recorder, back } = away();
    recorder.record(news('first'));
    recorder.record(news('second'));
    await settled();
    await clock.advance(109_999);
    expect(sent).toEqual(Array.from({ length: 11 }, () => 'first'));
    back();
    await clock.advance(1);
    expect(sent.slice(11)).toEqual(['first', 'second']);
    expect(lost).toEqual([]);
    await recorder.stop();
  });

  test('given up, it is said', async () => {
    const { clock, sent, lost, recorder } = away();
    recorder.record(news('only'));
    await settled();
    await clock.advance(1_000_000);
    expect(sent).toHaveLength(12);
    expect(lost).toEqual(['only']);
    await recorder.stop();
  });

  test('a thousand events wait, the oldest of more are gone; stop tries each once and takes no more', async () => {
    const { clock, sent, lost, recorder } = away();
    recorder.record(news('under way'));
    await settled();
    for (let each = 0; each < 1010; each++) recorder.record(news(`n${each}`));
    const stopped = recorder.stop();
    recorder.record(news('too late'));
    await stopped;
    const last = Array.from({ length: 1000 }, (_, each) => `n${each + 10}`);
    expect(sent).toEqual(['under way', 'under way', ...last]);
    expect(lost).not.toContain('too late');
    expect(clock.pending()).toBe(0);
  });
});
