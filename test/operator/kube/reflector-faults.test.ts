/** A watch ends up with the server's state whatever happens on the way, against a real API server behind a faulty proxy. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Kube } from '../../../operator/kube/client.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { until } from '../../cluster/daemon.ts';
import { type Asked, type Fault, type FaultyProxy, faultyProxy } from './faulty-proxy.ts';
import { CONFIG_MAP, configMap, follow, makeNamespace, untilSame, value } from './following.ts';

let cluster: ControlPlane;
let proxy: FaultyProxy;
/** Past the proxy: what really is. */
let direct: Kube;
let kube: Kube;

/** So short that a broken connection is noticed while a test waits; the order of events is the same. */
const SILENCE_MS = 2000;
const QUICK = { firstMs: 20, longestMs: 200, forgetAfterMs: 10_000 };

beforeAll(async () => {
  cluster = await startControlPlane();
  proxy = await faultyProxy(cluster);
  direct = connect({ kubeconfig: cluster.kubeconfig });
  kube = connect({ kubeconfig: proxy.kubeconfig, watchTiming: { silenceMs: SILENCE_MS, backoff: QUICK } });
}, 120_000);

afterAll(async () => {
  await Promise.all([kube.close(), direct.close()]);
  await proxy.stop();
  await cluster.stop();
});

const errorEvent = (code: number, reason: string) =>
  `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: 'gone by' } })}\n`;

const GONE: Fault = { status: 410, reason: 'Expired' };
const BROKEN: Fault = { status: 500, reason: 'InternalError' };
const BUSY: Fault = { status: 429, reason: 'TooManyRequests', retryAfter: '1' };
const close = (watch: { close(): void }) => watch.close();

interface Case {
  readonly name: string;
  readonly strike: (watch: ReturnType<FaultyProxy['watches']>[number]) => void;
  /** What the next lists and watches meet. */
  readonly then?: readonly Fault[];
  /** Told to the owner, as `status reason`. */
  readonly troubles: readonly string[];
  readonly lists: number;
}

const CASES: readonly Case[] = [
  { name: 'the watch is closed', strike: close, troubles: [], lists: 0 },
  { name: 'the connection is reset', strike: (watch) => watch.reset(), troubles: ['undefined NoAnswer'], lists: 0 },
  {
    name: 'it ends in half a line',
    strike: (watch) => watch.say('{"type":"MODIFIED","object":{"kind":"Con'),
    troubles: ['undefined NoAnswer'],
    lists: 0,
  },
  { name: 'a line is no JSON', strike: (watch) => watch.say('<html>\n'), troubles: ['undefined NoAnswer'], lists: 0 },
  {
    name: 'a line is no event',
    strike: (watch) => watch.say('{"type":"ADDED","object":{}}\n'),
    troubles: ['undefined NoAnswer'],
    lists: 0,
  },
  {
    name: 'the list after 410 is something else',
    strike: close,
    then: [GONE, { lines: '{}' }],
    troubles: ['410 Expired', 'undefined NoAnswer'],
    lists: 2,
  },
  {
    name: 'an event has an unknown type',
    strike: (watch) => watch.say('{"type":"RENAMED","object":{"metadata":{}}}\n'),
    troubles: ['undefined NoAnswer'],
    lists: 0,
  },
  {
    name: '410 comes as an event',
    strike: (watch) => watch.say(errorEvent(410, 'Expired')),
    troubles: ['410 Expired'],
    lists: 1,
  },
  {
    name: '500 comes as an event',
    strike: (watch) => watch.say(errorEvent(500, 'InternalError')),
    troubles: ['500 InternalError'],
    lists: 0,
  },
  { name: '410 comes as a status', strike: close, then: [GONE], troubles: ['410 Expired'], lists: 1 },
  { name: '429 comes with Retry-After', strike: close, then: [BUSY], troubles: ['429 TooManyRequests'], lists: 0 },
  {
    name: '500 comes three times',
    strike: close,
    then: [BROKEN, BROKEN, BROKEN],
    troubles: ['500 InternalError', '500 InternalError', '500 InternalError'],
    lists: 0,
  },
  {
    name: 'the watches are reset before they answer',
    strike: (watch) => watch.reset(),
    then: ['reset', 'reset'],
    troubles: ['undefined NoAnswer', 'undefined NoAnswer', 'undefined NoAnswer'],
    lists: 0,
  },
  {
    name: 'the list after 410 fails too',
    strike: close,
    then: [GONE, BROKEN, BROKEN],
    troubles: ['410 Expired', '500 InternalError', '500 InternalError'],
    lists: 3,
  },
  {
    name: 'the watches are closed as soon as they are open',
    strike: close,
    then: [{ lines: '' }, { lines: '' }],
    troubles: ['undefined NoAnswer', 'undefined NoAnswer'],
    lists: 0,
  },
  { name: 'neither objects nor bookmarks come any more', strike: (watch) => watch.swallow(), troubles: [], lists: 0 },
];

describe("ends with the server's state when", () => {
  test.each(CASES.map((each, index) => ({ ...each, index })))(
    '$name',
    async ({ index, strike, then = [], troubles, lists }) => {
      const namespace = await makeNamespace(direct, `fault-${index}`);
      for (const name of ['stays', 'changes', 'goes', 'comes-back'])
        value(await direct.create(CONFIG_MAP, configMap(namespace, name)));
      // That the newest moment is asked for before a watch goes on is no list.
      const isOurs = ({ path, query }: Asked) => path.includes(`/${namespace}/`) && query.get('limit') !== '1';
      const following = follow(kube, { type: CONFIG_MAP, namespace });
      await following.watch.synced;
      value(await direct.create(CONFIG_MAP, configMap(namespace, 'watched')));
      await until('the watch tells', () => following.told.includes('+watched'));
      const before = proxy.asked.length;

      // Everything that can change does while nobody is told.
      const goOn = proxy.hold();
      for (const watch of proxy.watches()) strike(watch);
      value(await direct.merge(CONFIG_MAP, namespace, 'changes', { data: { text: 'new' } }));
      for (const name of ['goes', 'comes-back']) {
        const { uid = '' } = value(await direct.get(CONFIG_MAP, namespace, name)).metadata;
        value(await direct.remove(CONFIG_MAP, namespace, name, { uid }));
      }
      value(await direct.create(CONFIG_MAP, configMap(namespace, 'comes-back', 'another')));
      value(await direct.create(CONFIG_MAP, configMap(namespace, 'is-new')));
      proxy.next(then, isOurs);
      goOn();

      await untilSame(direct, CONFIG_MAP, namespace, following);
      // And it still watches.
      value(await direct.create(CONFIG_MAP, configMap(namespace, 'later')));
      await untilSame(direct, CONFIG_MAP, namespace, following);
      following.watch.stop();
      await following.watch.ended;

      expect(following.impossible).toEqual([]);
      expect(following.troubles.map(({ status, reason }) => `${status} ${reason}`)).toEqual(troubles);
      const asked = proxy.asked.slice(before).filter(isOurs);
      expect(asked.filter(({ query }) => !query.has('watch'))).toHaveLength(lists);
      // Twice, and neither more nor less: what a list told is not told again.
      expect(following.told.filter((each) => each === '-goes')).toHaveLength(1);
      expect(following.told.filter((each) => each === '+comes-back')).toHaveLength(2);
      expect(following.told.filter((each) => each === '+stays')).toHaveLength(1);
    },
  );
});

test('an API server that is killed and started again is followed again', async () => {
  const namespace = await makeNamespace(direct, 'restarted');
  value(await direct.create(CONFIG_MAP, configMap(namespace, 'before')));
  const following = follow(kube, { type: CONFIG_MAP, namespace });
  await following.watch.synced;
  await cluster.stopApi();
  await until('the loss is told', () => following.troubles.length > 0);
  await cluster.startApi();
  value(await direct.create(CONFIG_MAP, configMap(namespace, 'after')));
  await untilSame(direct, CONFIG_MAP, namespace, following);
  expect(following.impossible).toEqual([]);
  expect(following.told).toContain('+after');
  following.watch.stop();
  await following.watch.ended;
}, 90_000);

test('a list that never answers is asked for again', async () => {
  const impatient = connect({ kubeconfig: proxy.kubeconfig, watchTiming: { answerMs: 300, backoff: QUICK } });
  const goOn = proxy.hold();
  const following = follow(impatient, { type: CONFIG_MAP, namespace: 'default' });
  await until('two lists are given up', () => following.troubles.length === 2);
  expect(following.troubles.map(({ reason }) => reason)).toEqual(['Timeout', 'Timeout']);
  expect(following.watch.isSynced()).toBe(false);
  goOn();
  await following.watch.synced;
  expect(following.watch.isSynced()).toBe(true);
  following.watch.stop();
  await impatient.close();
});

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const FAULTS: readonly Fault[] = [GONE, BROKEN, 'reset', { lines: '{"type":' }, { lines: errorEvent(410, 'Expired') }];

test("ends with the server's state whatever happens in whatever order", async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('write' as const, 'remove' as const),
        name: fc.constantFrom(...NAMES),
      }),
    },
    fc.record({ do: fc.constantFrom('close' as const, 'reset' as const, 'half' as const, 'swallow' as const) }),
    fc.record({ do: fc.constant('next' as const), faults: fc.array(fc.constantFrom(...FAULTS), { maxLength: 4 }) }),
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const namespace = await makeNamespace(direct, `storm-${round++}`);
      const following = follow(kube, { type: CONFIG_MAP, namespace });
      for (const each of steps) {
        if (each.do === 'next') proxy.next(each.faults, ({ path }) => path.includes(`/${namespace}/`));
        else if (each.do === 'write' || each.do === 'remove') await change(namespace, each.name, each.do);
        else for (const watch of proxy.watches()) strikeWith[each.do](watch);
      }
      proxy.next([]);
      await untilSame(direct, CONFIG_MAP, namespace, following);
      following.watch.stop();
      await following.watch.ended;
      expect(following.impossible).toEqual([]);
    }),
    // A run that fails is as long as it was: shorter ones would take minutes to find.
    { numRuns: 8, endOnFailure: true },
  );
}, 120_000);

type Passing = ReturnType<FaultyProxy['watches']>[number];

const strikeWith = {
  close: (watch: Passing) => watch.close(),
  reset: (watch: Passing) => watch.reset(),
  half: (watch: Passing) => watch.say('{"type":"ADDED","object":{'),
  swallow: (watch: Passing) => watch.swallow(),
};

/** Every write makes another version; what is not there cannot be removed. */
async function change(namespace: string, name: string, how: 'write' | 'remove'): Promise<void> {
  const found = await direct.get(CONFIG_MAP, namespace, name);
  if (how === 'write') {
    const text = found.ok ? `after ${found.value.metadata.resourceVersion}` : 'first';
    value(await direct.apply(CONFIG_MAP, configMap(namespace, name, text), { manager: 'isthmus', force: true }));
  } else if (found.ok) {
    value(await direct.remove(CONFIG_MAP, namespace, name, { uid: found.value.metadata.uid ?? '' }));
  }
}
