/** What `npm run bench:fleet` measures, inside the namespaces of its cluster. */

import { cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bigTable } from '../../cluster/fleet/big-table.ts';
import { changeRule, roll } from '../../cluster/fleet/deeds.ts';
import { memoryOf } from '../../cluster/fleet/pods.ts';
import { summary, type Took, timeChange } from '../../cluster/fleet/timing.ts';
import { underLoad } from '../../cluster/fleet/under-load.ts';
import { startWorld, type World } from '../../cluster/fleet/world.ts';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '20' },
    addresses: { type: 'string', default: '1000000' },
  },
});
/** Connections at once: enough to keep three pods and two processors busy. */
const LANES = 6;
const MIB = 1024 * 1024;
const say = (text: string) => process.stdout.write(`${text}\n`);

async function changes(world: World, count: number): Promise<void> {
  const took: Took[] = [];
  for (let change = 1; change <= count; change += 1) {
    took.push(await timeChange(world, () => changeRule(world, change)));
  }
  say(summary('one changed rule', took));
}

async function throughput(world: World, pods: number, seconds: number): Promise<void> {
  await world.patchFleet({ replicas: pods });
  await world.settled(pods);
  const load = await world.load({ rate: 0, lanes: LANES, messagesPerConnection: 20, keeping: 0, lasting: 0 });
  const [began, before] = [performance.now(), load.accepted()];
  await wait(seconds * 1000);
  const rate = (load.accepted() - before) / ((performance.now() - began) / 1000);
  const { broken } = await load.end();
  world.sinks.forget();
  say(`${pods} pods: ${rate.toFixed(0)} messages a second through the Service, ${LANES * 3} connections with TLS`);
  for (const line of broken.slice(0, 5)) say(`  ${line}`);
}

async function memory(world: World, addresses: number): Promise<void> {
  const told = async (what: string) => {
    const each = await Promise.all((await world.pods()).map(memoryOf));
    say(`${what}: ${each.map((bytes) => `${(bytes / MIB).toFixed(0)} MiB`).join(', ')} in the pods' processes`);
  };
  await told('a few addresses');
  const began = performance.now();
  for (const object of bigTable(addresses)) await world.eyes.apply(object);
  await world.programmed();
  say(`${addresses} more addresses: in every pod ${((performance.now() - began) / 1000).toFixed(1)} s after the first`);
  await told(`${addresses} addresses`);
}

say(`two nodes, clients and mail systems share ${cpus().length} × ${cpus()[0]?.model ?? 'an unknown processor'}`);
const world = await startWorld();
try {
  await changes(world, Number(values.changes));
  await underLoad(world, 'rolling update', () => roll(world, 1));
  await throughput(world, 3, Number(values.seconds));
  await throughput(world, 1, Number(values.seconds));
  await world.patchFleet({ replicas: 3 });
  await world.settled(3);
  await memory(world, Number(values.addresses));
} finally {
  await world.stop();
}
