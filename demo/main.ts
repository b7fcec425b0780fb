/** `npm run demo`: mail systems, the internet and a relay between them on this machine, and the story of their mail. */

import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { advice, formatArrival, handOut } from './keep.ts';
import type { Arrival } from './mail-system.ts';
import type { Part } from './part.ts';
import { PARTS, TWO_TENANTS_PART } from './parts.ts';
import { play, type Stage } from './play.ts';
import { type Scenery, setUp } from './scenery.ts';
import { formatAct, formatPart, paintFor } from './table.ts';

const USAGE =
  'usage: npm run demo [-- --keep]\n\n  --keep   leave the first part running afterwards, and say what to try';

const paint = paintFor(process.stdout, process.env);
const print = (text: string) => process.stdout.write(`${text}\n`);

/** Plays every act, whatever became of those before it. The value is the number of transactions that went otherwise. */
async function tell(part: Part, first: number, stage: Stage, interrupted: AbortSignal): Promise<number> {
  let failures = 0;
  for (const [index, act] of part.acts.entries()) {
    const scenes = await play(act, stage);
    interrupted.throwIfAborted();
    print(formatAct(first + index, act, scenes, paint));
    failures += scenes.filter((scene) => scene.failures.length > 0).length;
  }
  return failures;
}

/** `exitCodes` are the relays'; undefined when a signal ended one. */
function verdict(failures: number, exitCodes: readonly (number | undefined)[]): string {
  if (failures > 0) {
    return paint.bad(`${failures} of the transactions above went otherwise than the story says: see the lines with ✗.`);
  }
  const bad = exitCodes.filter((code) => code !== 0);
  if (bad.length > 0) return paint.bad(`All went as the story says, but a relay ended with exit code ${bad[0]}.`);
  return paint.good(`All ${PARTS.reduce((sum, { acts }) => sum + acts.length, 0)} went as the story says.`);
}

async function perform(part: Part, number: number, scenery: Scenery, interrupted: AbortSignal): Promise<number> {
  const first = 1 + PARTS.slice(0, number).reduce((sum, { acts }) => sum + acts.length, 0);
  const { title, remark, sample, overlay } = part;
  print(formatPart(title, `${remark} The relay runs ${sample} with ${overlay} on port ${scenery.port}.`, paint));
  return await tell(part, first, scenery.stage, interrupted);
}

async function main(keep: boolean): Promise<number> {
  const interruption = new AbortController();
  // Once: whoever presses Ctrl-C a second time means it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interruption.abort(new Error('interrupted')));
  let live = (_arrival: Arrival) => {};
  let kept: Scenery | undefined;
  const exitCodes: (number | undefined)[] = [];
  let failures = 0;
  try {
    for (const [number, part] of PARTS.entries()) {
      const keeps = keep && part === TWO_TENANTS_PART;
      const scenery = await setUp(part, { usualPorts: keeps, onArrival: (arrival) => keeps && live(arrival) });
      if (keeps) kept = scenery;
      try {
        failures += await perform(part, number, scenery, interruption.signal);
      } finally {
        if (!keeps) exitCodes.push(await scenery.takeDown());
      }
    }
    print(verdict(failures, exitCodes));
    if (kept !== undefined) {
      live = (arrival) => print(formatArrival(arrival));
      print(advice(handOut(kept, TWO_TENANTS_PART.sample)));
      if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
    }
  } finally {
    // Ctrl-C reaches this relay as well, which may have ended by it: how it ends says nothing.
    await kept?.takeDown();
  }
  return failures === 0 && exitCodes.every((code) => code === 0) ? 0 : 1;
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
