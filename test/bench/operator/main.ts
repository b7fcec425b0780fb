/** The whole operator under its design load, on a real API server: how long until everything, and one change, is published, and what it costs. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { Change } from '../../../operator/compilation/compiler.ts';
import type { Api, KubeObject } from '../../../operator/kube/api.ts';
import { connect } from '../../../operator/kube/client.ts';
import { CONFIG_MAP, RESOURCES } from '../../../operator/reconcile/kinds.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { until } from '../../cluster/daemon.ts';
import { Audit, written } from '../../cluster/operator/audit.ts';
import { install, type OperatorProcess } from '../../cluster/operator/installation.ts';
import { Load, LOAD_OPTIONS, NAMESPACE, sizeOf } from './load.ts';

const USAGE = `usage: npm run bench:operator -- [--tenants N] [--addresses N] [--rules N] [--rounds N] [--idle SECONDS] [--seed N]

  The design load is the default: 1,000 tenants, 1,000,000 addresses in CSV ConfigMaps, 5,000 RewriteRules, one fleet.
`;
/** An API server is busy with so many at once. */
const WRITES_AT_ONCE = 16;

const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { ...LOAD_OPTIONS, idle: { type: 'string', default: '30' } } });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const size = sizeOf(values);
  say('The compiler alone:');
  const { tenants, addresses, rules, rounds, seed } = values;
  const args = Object.entries({ tenants, addresses, rules, rounds, seed }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  // In a process of its own: what it leaves in memory must not be measured as the operator's.
  spawnSync(process.execPath, [join(import.meta.dirname, 'compile.ts'), ...args], { stdio: 'inherit' });
  say('\nThe whole operator, on an API server of its own:');
  const audit = new Audit();
  const plane = await startControlPlane({ apiServer: audit.flags() });
  const settings = { defaultFleet: { create: false } };
  const installation = await install(plane, { namespace: NAMESPACE, settings });
  const kube = connect({ kubeconfig: plane.kubeconfig });
  try {
    const load = new Load(size, Number(values.seed));
    await timed('resources and tables written by kubectl’s part', () => writeAll(kube, load));
    const operator = await installation.startOperator();
    await timed('everything seen, fetched, compiled and published', () => published(kube, operator, undefined));
    await report(operator);
    await timed('and every status written', () => quiet(audit));
    for (let round = 0; round < Number(values.rounds); round++) {
      await oneChange(`one rule changed (${round + 1})`, load.aliasRule(7, `moved${round}`));
      await oneChange(`one row of a CSV changed (${round + 1})`, load.changeRow(3, 5, `new.person${round}`));
    }
    await idle(operator, Number(values.idle));
    await report(operator);

    async function oneChange(name: string, change: Change): Promise<void> {
      const before = await revision(kube);
      const writes = audit.writes().length;
      await apply(kube, change);
      await timed(`${name} → manifest written`, () => published(kube, operator, before));
      await quiet(audit);
      const kinds = Map.groupBy(written(audit.writes().slice(writes)), (line) => line.replace(/ \S+ \d+$/, ''));
      say(`    ${[...kinds].map(([kind, lines]) => `${lines.length} × ${kind}`).join(', ')}`);
    }
  } finally {
    await kube.close();
    await installation.stop();
    await plane.stop();
    audit.remove();
  }
  return 0;
}

async function timed(name: string, action: () => Promise<unknown>): Promise<void> {
  const begin = performance.now();
  await action();
  say(`${name.padEnd(52)} ${((performance.now() - begin) / 1000).toFixed(2).padStart(7)} s`);
}

async function writeAll(api: Api, load: Load): Promise<void> {
  for (const changes of load.all()) {
    const queue = [...changes];
    const work = async () => {
      for (let change = queue.shift(); change !== undefined; change = queue.shift()) await apply(api, change);
    };
    await Promise.all(Array.from({ length: WRITES_AT_ONCE }, work));
  }
}

async function apply(api: Api, change: Change): Promise<void> {
  const object = objectOf(change);
  const type = change.type === 'resource' ? RESOURCES[change.resource.kind] : CONFIG_MAP;
  const answer = await api.apply(type, object, { manager: 'bench', force: true });
  if (!answer.ok) throw new Error(`${object.kind} ${object.metadata.name}: ${answer.message}`);
}

function objectOf(change: Change): KubeObject {
  if (change.type === 'resource') {
    const { apiVersion, kind, metadata, spec } = change.resource;
    return { apiVersion, kind, metadata: { name: metadata.name, namespace: NAMESPACE }, spec };
  }
  if (change.type !== 'data' || typeof change.found === 'string') throw new Error('the load has no such change');
  const data = Object.entries(change.found.data).map(([key, bytes]) => [key, new TextDecoder().decode(bytes)]);
  const metadata = { name: change.name, namespace: NAMESPACE };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: Object.fromEntries(data) };
}

async function revision(api: Api): Promise<string | undefined> {
  const answer = await api.get(CONFIG_MAP, NAMESPACE, 'default-f1');
  return answer.ok ? answer.value.metadata.resourceVersion : undefined;
}

/** The manifest is another than `before`, and lists a configuration. */
async function published(api: Api, operator: OperatorProcess, before: string | undefined): Promise<void> {
  const isNew = async () => {
    if (operator.daemon.ended()) throw new Error(operator.daemon.log());
    const now = await revision(api);
    return now !== undefined && now !== before;
  };
  await until('the manifest is written', isNew, { seconds: 300, every: 5, detail: () => operator.daemon.log() });
}

/** Nothing has been written for three seconds. */
async function quiet(audit: Audit): Promise<void> {
  let count = -1;
  let since = performance.now();
  const isQuiet = () => {
    const now = audit.writes().length;
    if (now !== count) since = performance.now();
    count = now;
    return performance.now() - since > 3000;
  };
  await until('it is quiet', isQuiet, { seconds: 600, every: 500 });
}

async function report(operator: OperatorProcess): Promise<void> {
  const [memory, stall] = [
    await operator.metric('process_resident_memory_bytes'),
    await operator.metric('nodejs_eventloop_lag_max_seconds'),
  ];
  say(
    `    RSS ${Math.round(memory / 1024 / 1024)} MiB, longest stall since the last look ${Math.round(stall * 1000)} ms`,
  );
}

async function idle(operator: OperatorProcess, seconds: number): Promise<void> {
  const cpu = () => operator.metric('process_cpu_seconds_total');
  const before = await cpu();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const used = (await cpu()) - before;
  say(`idle: ${((used / seconds) * 100).toFixed(1)} % of a core over ${seconds} s`);
}

process.exitCode = await main();
