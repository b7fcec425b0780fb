/** How long the operator compiles its design load, what it costs in memory, and whether the main thread feels it. */

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Change, Compilation, Compiler } from '../../../operator/compilation/compiler.ts';
import { startCompiler } from '../../../operator/compilation/start.ts';
import { Load, LOAD_OPTIONS, sizeOf } from './load.ts';

const USAGE = `usage: [--tenants N] [--addresses N] [--rules N] [--rounds N] [--seed N]

  The design load is the default: 1,000 tenants, 1,000,000 addresses in CSV ConfigMaps, 5,000 RewriteRules, one fleet.
`;
/** Fine enough to see a stall of 50 ms. */
const RESOLUTION_MS = 5;

const say = (text: string) => process.stdout.write(`${text}\n`);
const mebibytes = (octets: number) => `${Math.round(octets / 1024 / 1024)} MiB`;

/** Runs `action` and says how long it took and how long the main thread was not asked for anything meanwhile. */
async function measured<T>(name: string, action: () => Promise<T>): Promise<T> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const ownCpu = process.threadCpuUsage();
  const result = await action();
  const took = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(ownCpu);
  // The last turn counts as well.
  await sleep(2 * RESOLUTION_MS);
  delays.disable();
  const stall = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
  const figures = [
    `${took.toFixed(0).padStart(6)} ms`,
    `CPU ${((user + system) / 1000).toFixed(0).padStart(6)} ms`,
    `of the main thread ${((own.user + own.system) / 1000).toFixed(0).padStart(5)} ms`,
    `its longest stall ${stall.toFixed(0).padStart(4)} ms`,
    `RSS ${mebibytes(process.memoryUsage.rss())}`,
  ];
  say(`${name.padEnd(44)} ${figures.join('   ')}`);
  return result;
}

function summary({ fleets, statuses, findings }: Compilation): string {
  const pieces = fleets.flatMap((fleet) => fleet.pieces);
  const octets = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const left = findings.filter(({ severity }) => severity === 'error').length;
  return `${statuses.length} statuses, ${left} errors, ${pieces.length} pieces of ${mebibytes(octets)} in all`;
}

async function change(compiler: Compiler, name: string, changes: Change[]): Promise<void> {
  const before = await compiler.compile(Date.now());
  const known = new Set(before.fleets.flatMap(({ pieces }) => pieces.map(({ key }) => key)));
  const after = await measured(name, () => {
    compiler.update(changes);
    return compiler.compile(Date.now());
  });
  const fleet = after.fleets[0];
  if (fleet === undefined) throw new Error('there is one fleet');
  const changed = fleet.pieces.filter(({ key }) => !known.has(key)).length;
  if (changed === 0) throw new Error('a change changed no piece');
  compiler.inForce(fleet.namespace, fleet.name, fleet.revision);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: LOAD_OPTIONS });
  if (values.help) {
    say(USAGE);
    return;
  }
  const size = sizeOf(values);
  say(`${size.tenants} tenants, ${size.addresses} addresses, ${size.rules} rules, seed ${values.seed}`);
  const load = new Load(size, Number(values.seed));
  const compiler = await startCompiler({ credentialKey: 'bench', domains: [] });
  const first = await measured('everything told and compiled', async () => {
    for (const changes of load.all()) {
      compiler.update(changes);
      // Between two batches a watch waits for its server.
      await sleep(0);
    }
    return measured('  of which compiled after the last was told', () => compiler.compile(Date.now()));
  });
  say(`  ${summary(first)}`);
  const [fleet] = first.fleets;
  if (fleet === undefined) throw new Error('there is one fleet');
  compiler.inForce(fleet.namespace, fleet.name, fleet.revision);
  await measured('nothing changed', () => compiler.compile(Date.now()));
  for (let round = 0; round < Number(values.rounds); round++) {
    await change(compiler, `one rule changed (${round + 1})`, [load.aliasRule(7, `moved${round}`)]);
    await change(compiler, `one row of a CSV changed (${round + 1})`, [load.changeRow(3, 5, `new.person${round}`)]);
  }
  await compiler.close();
  say(`most memory of the whole process: ${mebibytes(process.resourceUsage().maxRSS * 1024)}`);
}

await main();
