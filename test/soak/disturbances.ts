/** What may happen next to a fleet in a long run, and how much of it a sender may notice. */

import {
  changeRule,
  drain,
  killOperatorAndRelays,
  killRelay,
  REPLICAS,
  renewCertificate,
  roll,
  rollAmidTrouble,
  rotateDkim,
  scale,
  untilKnown,
  withoutApiServer,
  withoutOperator,
} from '../cluster/fleet/deeds.ts';
import type { Load } from '../cluster/fleet/load.ts';
import type { World } from '../cluster/fleet/world.ts';
import type { Random } from '../fuzz/random.ts';

export interface Disturbance {
  readonly name: string;
  /** Somebody meant it: no connection may be refused or cut. Otherwise only nothing may be lost. */
  readonly meant: boolean;
  /** `round` is another number each time. */
  happen(world: World, load: Load, random: Random, round: number): Promise<unknown>;
}

const BURST = 30;

async function burst(world: World, round: number): Promise<void> {
  for (let change = 0; change < BURST; change += 1) await changeRule(world, round * BURST + change);
  await untilKnown(world, round * BURST + BURST - 1);
}

async function rotate(world: World, load: Load, round: number): Promise<void> {
  const flows = () => load.more(12);
  await rotateDkim(world, `k${round}`, { between: flows, after: flows });
}

export const DISTURBANCES: readonly Disturbance[] = [
  { name: 'rolling update', meant: true, happen: (world, _load, _random, round) => roll(world, round) },
  {
    name: 'rolling update, next hops slow and refusing',
    meant: true,
    happen: (world, _load, _random, round) => rollAmidTrouble(world, round),
  },
  {
    name: 'scaled up and down',
    meant: true,
    happen: (world, load, random) => scale(world, load, [4 + random.below(3), 1 + random.below(2), REPLICAS]),
  },
  { name: 'no operator', meant: true, happen: withoutOperator },
  {
    name: 'operator killed, relays replaced',
    meant: false,
    happen: (world, _load, random, round) => killOperatorAndRelays(world, round * BURST, random.below(800)),
  },
  { name: 'relay killed', meant: false, happen: killRelay },
  { name: 'no API server, relay killed', meant: false, happen: withoutApiServer },
  {
    name: 'node drained',
    meant: true,
    happen: (world, _load, random) => drain(world, random.below(2) === 0 ? 'node1' : 'node2'),
  },
  { name: 'certificate renewed', meant: true, happen: renewCertificate },
  { name: 'DKIM key rotated', meant: true, happen: (world, load, _random, round) => rotate(world, load, round) },
  { name: 'many rule changes', meant: true, happen: (world, _load, _random, round) => burst(world, round) },
];
