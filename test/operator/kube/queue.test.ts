/** The queue's laws, at random and in examples, by a clock of the test's own. */

import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { kubeMetrics } from '../../../operator/kube/metrics.ts';
import { type QueueOptions, type Worked, workQueue } from '../../../operator/kube/queue.ts';
import { settled, virtualClock } from './virtual-clock.ts';

const GATHER = { quietMs: 100, longestMs: 1000 };

/** A queue whose work ends when the test says so. */
function played(options: Partial<QueueOptions> = {}) {
  const clock = virtualClock();
  const started: { key: string; at: number }[] = [];
  const running = new Map<string, (worked: Worked | Error) => void>();
  const errors: string[] = [];
  let collided = false;
  let most = 0;
  const queue = workQueue({
    name: 'test',
    gather: GATHER,
    clock,
    onError: (key, error) => void errors.push(`${key}: ${error instanceof Error ? error.message : error}`),
    ...options,
    worker(key) {
      collided ||= running.has(key);
      started.push({ key, at: clock.now() });
      const { promise, resolve, reject } = Promise.withResolvers<Worked>();
      running.set(key, (worked) => {
        running.delete(key);
        if (worked instanceof Error) reject(worked);
        else resolve(worked);
      });
      most = Math.max(most, running.size);
      return promise;
    },
  });
  const finish = async (key: string, worked: Worked | Error = 'done') => {
    running.get(key)?.(worked);
    await settled();
  };
  return { queue, clock, started, running, errors, finish, collided: () => collided, most: () => most };
}

const keys = (started: readonly { key: string }[]) => started.map(({ key }) => key);

describe('gathering', () => {
  test('a key is worked on once, when it has been left alone for the quiet time', async () => {
    const { queue, clock, started } = played();
    queue.start();
    queue.add('a');
    await clock.advance(60);
    queue.add('a');
    await clock.advance(99);
    expect(started).toEqual([]);
    await clock.advance(1);
    expect(started).toEqual([{ key: 'a', at: 160 }]);
  });

  test('a key that is never left alone is worked on after the longest time', async () => {
    const { queue, clock, started } = played();
    queue.start();
    for (let each = 0; each < 19; each++) {
      queue.add('a');
      await clock.advance(50);
    }
    queue.add('a');
    expect(started).toEqual([]);
    await clock.advance(50);
    expect(started).toEqual([{ key: 'a', at: 1000 }]);
  });

  test('before the start keys gather and nothing is worked on', async () => {
    const { queue, clock, started } = played({ concurrency: 2 });
    queue.add('a');
    queue.add('b');
    await clock.advance(5000);
    expect(started).toEqual([]);
    queue.start();
    expect(keys(started)).toEqual(['a', 'b']);
  });
});

describe('work', () => {
  test('for a key that changes while it is worked on begins once more, after the end', async () => {
    const { queue, clock, started, finish } = played();
    queue.start();
    queue.add('a');
    await clock.advance(100);
    for (let each = 0; each < 5; each++) {
      queue.add('a');
      await clock.advance(200);
    }
    expect(keys(started)).toEqual(['a']);
    await finish('a');
    expect(keys(started)).toEqual(['a', 'a']);
    await finish('a');
    await clock.advance(100_000);
    expect(keys(started)).toEqual(['a', 'a']);
  });

  test('that throws is told, and tried again later and later, until it succeeds', async () => {
    const { queue, clock, started, errors, finish } = played();
    queue.start();
    queue.add('a');
    await clock.advance(100);
    for (let each = 0; each < 4; each++) {
      await finish('a', new Error('broken'));
      await clock.advance(10_000);
    }
    expect(errors).toEqual(Array.from({ length: 4 }, () => 'a: broken'));
    const waits = started.slice(1).map(({ at }, index) => at - 100 - index * 10_000);
    expect(waits).toEqual([5, 10, 20, 40]);
    await finish('a');
    queue.add('a');
    await clock.advance(100);
    await finish('a', 'again');
    await clock.advance(5);
    expect(started).toHaveLength(7);
  });

  test('that asks for a time gets it, the earliest of several', async () => {
    const { queue, clock, started, finish } = played();
    queue.start();
    queue.addAfter('a', 0);
    await finish('a', { afterMs: 10_000 });
    queue.addAfter('a', 20_000);
    queue.addAfter('a', 3000);
    await clock.advance(3000);
    expect(started.map(({ at }) => at)).toEqual([0, 3000]);
    await finish('a');
    await clock.advance(100_000);
    expect(started).toHaveLength(2);
  });

  test('that runs is waited for by stop, and none begins any more', async () => {
    const { queue, clock, started, finish } = played({ concurrency: 2 });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.addAfter(key, 0);
    queue.addAfter('d', 10);
    queue.add('e');
    let stopped = false;
    const stop = queue.stop().then(() => {
      stopped = true;
    });
    queue.add('f');
    queue.addAfter('a', 0);
    await clock.advance(10_000);
    await finish('a', new Error('late'));
    expect(stopped).toBe(false);
    await finish('b', { afterMs: 1 });
    await stop;
    await clock.advance(10_000);
    expect(keys(started)).toEqual(['a', 'b']);
    expect(clock.pending()).toBe(0);
  });
});

test('whatever happens: one worker a key, no more than allowed, nothing forgotten, no key too early', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key }) },
    fc.record({ do: fc.constant('after' as const), key, ms: fc.integer({ min: 0, max: 3000 }) }),
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 400 }) }) },
    fc.record({
      do: fc.constant('finish' as const),
      key,
      worked: fc.constantFrom<Worked | 'throw'>('done', 'again', 'throw', { afterMs: 50 }),
    }),
  );
  const concurrency = fc.integer({ min: 1, max: 3 });
  await fc.assert(
    fc.asyncProperty(concurrency, fc.array(step, { maxLength: 60 }), async (width, steps) => {
      const game = played({ concurrency: width });
      const lastAdded = new Map<string, number>();
      game.queue.start();
      for (const each of steps) {
        if (each.do === 'wait') await game.clock.advance(each.ms);
        else if (each.do === 'finish')
          await game.finish(each.key, each.worked === 'throw' ? new Error('x') : each.worked);
        else if (each.do === 'after') game.queue.addAfter(each.key, each.ms);
        else game.queue.add(each.key);
        if (each.do === 'add' || each.do === 'after') lastAdded.set(each.key, game.clock.now());
      }
      // From now on everything that begins ends well: in the end nothing is left.
      for (let round = 0; round < 200 && (game.running.size > 0 || game.clock.pending() > 0); round++) {
        for (const running of [...game.running.keys()]) await game.finish(running);
        await game.clock.advance(1000);
      }
      expect(game.collided()).toBe(false);
      expect(game.most()).toBeLessThanOrEqual(width);
      expect([game.running.size, game.clock.pending()]).toEqual([0, 0]);
      for (const [added, at] of lastAdded) {
        const last = Math.max(...game.started.filter((start) => start.key === added).map((start) => start.at));
        expect(last).toBeGreaterThanOrEqual(at);
      }
    }),
    { numRuns: 300 },
  );
});

test('a key that is only added begins between the quiet and the longest time after its first', async () => {
  const waits = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(waits, async (pauses) => {
      const { queue, clock, started, finish } = played();
      queue.start();
      // What is added before a start belongs to it.
      const groups: number[][] = [];
      for (const ms of pauses) {
        queue.add('a');
        (groups[started.length] ??= []).push(clock.now());
        await clock.advance(ms);
        await finish('a');
      }
      await clock.advance(2000);
      const due = groups.map((times) =>
        Math.min(Math.max(...times) + GATHER.quietMs, Math.min(...times) + GATHER.longestMs),
      );
      expect(started.map(({ at }) => at)).toEqual(due);
    }),
    { numRuns: 200 },
  );
});

test('metrics tell what waits, what runs and how it ended', async () => {
  const registry = new Registry();
  const { queue, clock, finish } = played({ name: 'fleet', concurrency: 1, metrics: kubeMetrics(registry) });
  queue.start();
  queue.addAfter('a', 0);
  queue.addAfter('b', 0);
  await clock.advance(2000);
  const during = await registry.metrics();
  for (const line of [
    'workqueue_depth{name="fleet",controller="fleet"} 1',
    'workqueue_unfinished_work_seconds{name="fleet",controller="fleet"} 2',
    'workqueue_longest_running_processor_seconds{name="fleet",controller="fleet"} 2',
    'controller_runtime_active_workers{controller="fleet"} 1',
    'controller_runtime_max_concurrent_reconciles{controller="fleet"} 1',
    'controller_runtime_reconcile_errors_total{controller="fleet"} 0',
  ])
    expect(during).toContain(`${line}\n`);
  await finish('a', new Error('x'));
  await finish('b', { afterMs: 60_000 });
  await clock.advance(5);
  await finish('a', 'again');
  await clock.advance(10);
  await finish('a');
  const after = await registry.metrics();
  for (const line of [
    'workqueue_depth{name="fleet",controller="fleet"} 0',
    'workqueue_adds_total{name="fleet",controller="fleet"} 4',
    'workqueue_retries_total{name="fleet",controller="fleet"} 2',
    'workqueue_queue_duration_seconds_count{name="fleet",controller="fleet"} 4',
    'workqueue_work_duration_seconds_sum{name="fleet",controller="fleet"} 2',
    'controller_runtime_reconcile_total{controller="fleet",result="success"} 1',
    'controller_runtime_reconcile_total{controller="fleet",result="error"} 1',
    'controller_runtime_reconcile_total{controller="fleet",result="requeue"} 1',
    'controller_runtime_reconcile_total{controller="fleet",result="requeue_after"} 1',
    'controller_runtime_reconcile_errors_total{controller="fleet"} 1',
    'controller_runtime_reconcile_time_seconds_bucket{le="2",controller="fleet"} 4',
  ])
    expect(after).toContain(`${line}\n`);
});
