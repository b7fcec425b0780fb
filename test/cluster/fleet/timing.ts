/** How long a change takes to be in force: in the first pod, and in all. Measured, never judged. */

import { until } from '../daemon.ts';
import { statusOf } from './pods.ts';
import type { World } from './world.ts';

export interface Took {
  readonly firstMs: number;
  readonly allMs: number;
}

const LOOK_MS = 20;

/** From the moment that the change is sent until every ready pod runs another revision than before. */
export async function timeChange(world: World, change: () => Promise<unknown>): Promise<Took> {
  const pods = (await world.pods()).filter(({ ready }) => ready);
  const before = new Map<string, string | undefined>();
  for (const pod of pods) before.set(pod.uid, (await statusOf(pod))?.running);
  const began = performance.now();
  await change();
  const followed = pods.map(async (pod) => {
    const follows = async () => {
      const running = (await statusOf(pod))?.running;
      return running !== undefined && running !== before.get(pod.uid);
    };
    await until(`${pod.name} runs what was changed`, follows, { seconds: 60, every: LOOK_MS });
    return performance.now() - began;
  });
  const took = await Promise.all(followed);
  return { firstMs: Math.round(Math.min(...took)), allMs: Math.round(Math.max(...took)) };
}

/** The smallest that this share of the numbers does not exceed. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function summary(what: string, took: readonly Took[]): string {
  const line = (numbers: readonly number[]) =>
    `p50 ${quantile(numbers, 0.5)} ms, p99 ${quantile(numbers, 0.99)} ms, most ${quantile(numbers, 1)} ms`;
  const [first, all] = [took.map(({ firstMs }) => firstMs), took.map(({ allMs }) => allMs)];
  return `${what}, ${took.length} times: first pod ${line(first)}; all pods ${line(all)}`;
}
