/** `npm run fuzz`: long seeded runs of both fuzzers; what fails is printed with its seed, as short as it could be made. */

import { parseArgs } from 'node:util';
import { exchangeCertificates } from '../relay/exchange-world.ts';
import { fuzzHeaders } from './header-fuzzer.ts';
import { fuzzSmtp } from './smtp-fuzzer.ts';

const USAGE = 'npm run fuzz -- smtp|headers [--steps N] [--seed N]';
/** What a run before a release should play at least. */
const STEPS = { smtp: 500_000, headers: 1_000_000 };
const REPORT_EVERY = 50_000;

const say = (text: string) => process.stdout.write(`${text}\n`);

async function runSmtp(steps: number, seed: number): Promise<boolean> {
  const certificates = await exchangeCertificates();
  let reported = 0;
  const progress = (done: number) => {
    if (done - reported < REPORT_EVERY) return;
    reported = done;
    say(`${done} steps`);
  };
  const { steps: done, delivered, failure } = await fuzzSmtp(certificates, { steps, seed }, progress);
  certificates.remove();
  say(`${done} commands and contents, ${delivered} messages delivered, from seed ${seed}`);
  if (failure === undefined) return true;
  say(`FAIL seed ${failure.seed}: ${failure.law}\n${failure.dialog.join('\n')}`);
  return false;
}

function runHeaders(steps: number, seed: number): boolean {
  for (let done = 0; done < steps; done += REPORT_EVERY) {
    const failure = fuzzHeaders(Math.min(REPORT_EVERY, steps - done), seed + done);
    if (failure !== undefined) {
      const octets = JSON.stringify(Buffer.from(failure.octets).toString('latin1'));
      say(`FAIL seed ${failure.seed}: ${failure.law}\n${octets}`);
      return false;
    }
    say(`${Math.min(steps, done + REPORT_EVERY)} headers`);
  }
  return true;
}

const { values, positionals } = parseArgs({
  options: { steps: { type: 'string' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const [what = 'smtp'] = positionals;
const seed = Number(values.seed);
if (what !== 'smtp' && what !== 'headers') {
  say(USAGE);
  process.exitCode = 2;
} else {
  const steps = Number(values.steps ?? STEPS[what]);
  const passed = what === 'smtp' ? await runSmtp(steps, seed) : runHeaders(steps, seed);
  process.exitCode = passed ? 0 : 1;
}
