/** What `npm run test:soak` does inside the namespaces of its cluster; ends with 1 when a law of the ledger was broken. */

import { parseArgs } from 'node:util';
import { lost, noticed, underLoad } from '../cluster/fleet/under-load.ts';
import { startWorld, type World } from '../cluster/fleet/world.ts';
import { Random } from '../fuzz/random.ts';
import { DISTURBANCES, type Disturbance } from './disturbances.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const end = Date.now() + Number(values.minutes) * 60_000;
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Laws that were broken; empty as it should be. */
async function play(world: World, { name, meant, happen }: Disturbance, random: Random, round: number) {
  try {
    const outcome = await underLoad(world, `${round}. ${name}`, (load) => happen(world, load, random, round));
    await world.programmed();
    return meant ? noticed(outcome) : lost(outcome);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

say(`seed ${seed}, ${values.minutes} minutes`);
const random = new Random(seed);
const world = await startWorld();
let rounds = 0;
let failed = 0;
try {
  // Whoever is broken is not made whole by what comes next.
  while (Date.now() < end && failed === 0) {
    rounds += 1;
    const disturbance = random.pick(DISTURBANCES);
    for (const law of await play(world, disturbance, random, rounds)) {
      failed += 1;
      say(`FAIL seed ${seed}, round ${rounds}: ${law}`);
    }
  }
} finally {
  await world.stop();
}
say(`${rounds} disturbances from seed ${seed}: ${failed === 0 ? 'nothing lost' : 'FAILED'}`);
// A load that a failure has left behind would keep us; it ends with the namespace.
process.exit(failed === 0 && rounds > 0 ? 0 : 1);
