/** `npm run bench`: how fast Isthmus is and what it costs, beside Postfix and beside no relay at all, in one run. */

import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { installPackages, isRoot } from '../support/debian.ts';
import {
  type Contender,
  direct,
  isthmus,
  isthmusWorkers,
  makeCertificate,
  postfixProxy,
  type Variant,
} from './contenders.ts';
import { type Figures, type Ground, type Scenario, startGround } from './measure.ts';

const USAGE = `usage: npm run bench -- [--quick] [--only TEXT] [--rounds N] [--without NAME] [--relay-option OPTION] [--profile DIR]

  --quick               only 4 KB over 20 connections
  --only TEXT           only scenarios whose name contains it, for example --only "1 MB"
  --rounds N            measured rounds a scenario (default 5)
  --without NAME        leave out direct, postfix, isthmus or workers; may stand several times
  --relay-option TEXT   an option for "isthmus relay", for example --relay-option=--workers=2; may stand several times
  --profile DIR         write a CPU profile of Isthmus there (measures lower)
`;

const KB = 1024;
const usual = { size: 4 * KB, connections: 20, messages: 4000, tls: false, dkim: false };

function scenarios(quick: boolean, only: string, rounds: number): Scenario[] {
  const first = { ...usual, name: '4 KB, 20 connections', rounds };
  if (quick) return [first];
  const all: Scenario[] = [
    first,
    { ...usual, name: '4 KB, 1 connection', connections: 1, messages: 2000, rounds },
    { ...usual, name: '4 KB, 100 connections', connections: 100, rounds },
    { ...usual, name: '50 KB, 20 connections', size: 50 * KB, messages: 1500, rounds },
    { ...usual, name: '1 MB, 20 connections', size: KB * KB, messages: 150, rounds },
    { ...usual, name: '4 KB, 20 connections, TLS from the client', tls: true, rounds },
    { ...usual, name: '4 KB, 20 connections, DKIM (Isthmus only)', dkim: true, rounds },
  ];
  const chosen = all.filter(({ name }) => name.includes(only));
  if (chosen.length > 0) return chosen;
  throw new Error(`no scenario's name contains "${only}":\n  ${all.map(({ name }) => name).join('\n  ')}`);
}

const STARTERS: Readonly<Record<string, (variant: Variant) => Contender | Promise<Contender>>> = {
  direct,
  postfix: postfixProxy,
  isthmus: (variant) => isthmus(variant),
  workers: isthmusWorkers,
};

type RelaySettings = Pick<Variant, 'relayOptions' | 'profile'>;

const say = (text: string) => process.stdout.write(`${text}\n`);

async function play(ground: Ground, scenario: Scenario, names: readonly string[], options: RelaySettings) {
  const certificate = scenario.tls ? await makeCertificate() : undefined;
  const { sinkPort } = ground;
  const variant: Variant = { sinkPort, tls: certificate?.identity, dkim: scenario.dkim, ...options };
  const contenders: Contender[] = [];
  try {
    for (const name of names) {
      const contender = await STARTERS[name]?.(variant);
      if (contender !== undefined) contenders.push(contender);
    }
    show(scenario, await ground.measure(contenders, scenario));
  } finally {
    for (const contender of contenders) await contender.stop();
    certificate?.remove();
  }
}

function show(scenario: Scenario, figures: readonly Figures[]): void {
  const proxy = figures.find(({ name }) => name.startsWith('Postfix'));
  say(`\n${scenario.name}, ${scenario.messages} messages a round, medians of ${scenario.rounds} interleaved rounds`);
  const row = (...cells: string[]) =>
    say(cells.map((cell, index) => (index === 0 ? cell.padEnd(28) : cell.padStart(11))).join(''));
  row('', 'msg/s', 'x Postfix', 'CPU-s/1000', 'x Postfix', 'peak MiB', 'p50 ms', 'p99 ms', 'ground');
  for (const each of figures) {
    const isRelay = each.cpuPerThousand > 0;
    const ratio = (value: number, other: number | undefined) =>
      other === undefined ? '-' : (value / other).toFixed(2);
    row(
      each.name,
      each.messagesPerSecond.toFixed(0),
      ratio(each.messagesPerSecond, proxy?.messagesPerSecond),
      isRelay ? each.cpuPerThousand.toFixed(3) : '-',
      isRelay ? ratio(each.cpuPerThousand, proxy?.cpuPerThousand) : '-',
      isRelay ? each.memoryMiB.toFixed(0) : '-',
      each.p50.toFixed(2),
      each.p99.toFixed(2),
      each.groundPerThousand.toFixed(3),
    );
  }
}

const NOTES = `
Every message was counted at the sink, its body compared byte by byte, its envelope checked. Client, relay and sink share the
machine's cores, so CPU-s/1000 (user and system seconds of all the relay's processes for 1,000 messages) is the figure that
carries over to another machine; "ground" is the same of load client and sink. Memory counts shared pages once.
Both relays ask the next hop at RCPT and answer after its answer, with their log in a file. Half the mail leaves a tenant, half
comes from the internet. Isthmus rewrites it by 50,000 users, writes tracking events and serves metrics; the proxy of Postfix
cannot rewrite and passes envelope and header on as they are. It has a process for each connection; one Isthmus is one thread, and
--workers gives it more.`;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '5' },
      without: { type: 'string', multiple: true, default: [] },
      'relay-option': { type: 'string', multiple: true, default: [] },
      profile: { type: 'string' },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  const left = new Set(values.without);
  const missing = installPackages(['postfix', 'openssl']);
  if (!left.has('postfix') && (missing !== undefined || !isRoot)) {
    say(`Without Postfix, so without ratios: ${missing ?? 'it starts as root only'}`);
    left.add('postfix');
  }
  const names = Object.keys(STARTERS).filter((name) => !left.has(name));
  say(
    `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  const [load = 0] = loadavg();
  if (load > 1)
    say(`Other programs are busy here (load ${load.toFixed(1)}): msg/s and ms say little, CPU-s/1000 a bit more.`);
  const ground = await startGround();
  try {
    for (const scenario of scenarios(values.quick, values.only, Number(values.rounds))) {
      await play(ground, scenario, names, { relayOptions: values['relay-option'], profile: values.profile });
    }
  } finally {
    ground.stop();
  }
  say(NOTES);
}

// Whoever reads only the beginning (head) must not keep what was started from being stopped.
process.stdout.on('error', () => {});

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
