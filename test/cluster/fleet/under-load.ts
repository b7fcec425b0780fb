/** Something is done to a fleet while mail flows, and the ledger is balanced afterwards. */

import { type Load, type LoadSettings, type Outcome, told } from './load.ts';
import { type World, whatIsWrong } from './world.ts';

/** Before it begins and after it is over: enough for every pod to have had several. */
const AROUND = 24;

export async function underLoad(
  world: World,
  what: string,
  disturb: (load: Load) => Promise<unknown>,
  wishes?: Partial<LoadSettings>,
): Promise<Outcome> {
  const load = await world.load(wishes);
  try {
    await load.more(AROUND);
    await disturb(load);
    await load.more(AROUND);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${what}: ${reason}\n${await whatIsWrong(world.cluster, world.eyes)}`, { cause });
  }
  const outcome = await load.end();
  world.sinks.forget();
  process.stdout.write(`${told(what, outcome)}\n`);
  return outcome;
}

/** What a sender must never see of a thing that somebody meant to do; empty as it should be. */
export function noticed(outcome: Outcome): readonly string[] {
  const { refusedConnections, cutBeforeDot, cutAfterDot, goneSilently, notes } = outcome;
  const counts = {
    ...{ 'connections refused': refusedConnections, 'cut before': cutBeforeDot, 'cut after': cutAfterDot },
    'idle sessions gone silently': goneSilently,
  };
  const seen = Object.entries(counts).flatMap(([name, times]) => (times > 0 ? [`${times} ${name}`] : []));
  return seen.length + outcome.broken.length === 0 ? [] : [...outcome.broken, ...seen, ...notes];
}

/** What may not happen even when something breaks. */
export const lost = ({ broken, notes }: Outcome): readonly string[] =>
  broken.length === 0 ? [] : [...broken, ...notes];
