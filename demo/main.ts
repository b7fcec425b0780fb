/** `npm run demo`: two tenants, the internet and a relay between them on this machine, and the story of John and Mary. */

import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { advice, formatArrival } from './keep.ts';
import type { Arrival } from './mail-system.ts';
import { play, type Stage } from './play.ts';
import { SAMPLE, type Scenery, setUp } from './scenery.ts';
import { ACTS } from './story.ts';
import { formatAct, paintFor } from './table.ts';

const USAGE = 'usage: npm run demo [-- --keep]\n\n  --keep   leave everything running afterwards, and say what to try';

const paint = paintFor(process.stdout, process.env);
const print = (text: string) => process.stdout.write(`${text}\n`);

/** Plays every act, whatever became of those before it. The value is the number of transactions that went otherwise. */
async function tell(stage: Stage, interrupted: AbortSignal): Promise<number> {
  let failures = 0;
  for (const [index, act] of ACTS.entries()) {
    const scenes = await play(act, stage);
    interrupted.throwIfAborted();
    print(formatAct(index + 1, act, scenes, paint));
    failures += scenes.filter((scene) => scene.failures.length > 0).length;
  }
  return failures;
}

function verdict(failures: number, exitCode: number | undefined): string {
  if (failures > 0) {
    return paint.bad(`${failures} of the transactions above went otherwise than the story says: see the lines with ✗.`);
  }
  if (exitCode !== 0) return paint.bad(`All went as the story says, but the relay ended with exit code ${exitCode}.`);
  return paint.good(`All ${ACTS.length} went as the story says.`);
}

async function perform(scenery: Scenery, interrupted: AbortSignal): Promise<number> {
  print(`The relay runs ${SAMPLE} with demo/overlay on port ${scenery.port}.`);
  print('Tenant 1, tenant 2 and the internet are mail systems on this machine.\n');
  return await tell(scenery.stage, interrupted);
}

async function main(keep: boolean): Promise<number> {
  const interruption = new AbortController();
  // Once: whoever presses Ctrl-C a second time means it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interruption.abort(new Error('interrupted')));
  let live = (_arrival: Arrival) => {};
  const scenery = await setUp({ usualPorts: keep, onArrival: (arrival) => live(arrival) });
  let failures: number;
  try {
    failures = await perform(scenery, interruption.signal);
    if (keep) {
      live = (arrival) => print(formatArrival(arrival));
      print(verdict(failures, 0));
      print(advice({ ...scenery, sample: SAMPLE }));
      if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
    }
  } catch (error) {
    await scenery.takeDown();
    throw error;
  }
  const exitCode = await scenery.takeDown();
  // Ctrl-C reaches the relay as well, which may have ended by it.
  if (keep) return failures === 0 ? 0 : 1;
  print(verdict(failures, exitCode));
  return failures === 0 && exitCode === 0 ? 0 : 1;
}

function readArguments(): { readonly keep: boolean } | undefined {
  try {
    const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
    return values;
  } catch {
    return undefined;
  }
}

const values = readArguments();
if (values === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await main(values.keep);
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
