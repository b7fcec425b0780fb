/** Measures contenders in interleaved rounds, checks that every message arrived once and whole, and takes medians. */

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Contender } from './contenders.ts';
import type { LoadAnswer, LoadRequest, LoadResult } from './load.ts';
import { cpuSeconds, memoryMiB } from './process-cost.ts';
import type { Arrivals, SinkAnswer, SinkRequest } from './sink.ts';

export interface Scenario {
  readonly name: string;
  readonly size: number;
  readonly connections: number;
  /** Messages a round. */
  readonly messages: number;
  readonly rounds: number;
  readonly tls: boolean;
  readonly dkim: boolean;
}

export interface Figures {
  readonly name: string;
  readonly messagesPerSecond: number;
  /** CPU seconds of all its processes for 1,000 messages. */
  readonly cpuPerThousand: number;
  readonly memoryMiB: number;
  readonly p50: number;
  readonly p99: number;
  /** The same of load client and sink together: what the ground itself costs. */
  readonly groundPerThousand: number;
}

export interface Ground {
  readonly sinkPort: number;
  measure(contenders: readonly Contender[], scenario: Scenario): Promise<Figures[]>;
  stop(): void;
}

// Node compiles what runs often, Postfix starts its processes: neither is what is measured. A worker a core sees only its
// share of each round, and is still being compiled after two.
const WARM_UP_ROUNDS = 5;
/** Often enough to see a peak that lasts, rarely enough to cost nothing. */
const MEMORY_EVERY_MS = 200;

export async function startGround(): Promise<Ground> {
  const sink = fork(join(import.meta.dirname, 'sink.ts'));
  const load = fork(join(import.meta.dirname, 'load.ts'));
  const first = await answerOf<SinkAnswer>(sink);
  if (!('port' in first)) throw new Error('the sink did not say its port');
  return {
    sinkPort: first.port,
    measure: async (contenders, scenario) => {
      const rounds = new Map<string, Figures[]>(contenders.map(({ name }) => [name, []]));
      for (let round = -WARM_UP_ROUNDS; round < scenario.rounds; round += 1) {
        for (const contender of contenders) {
          const figures = await oneRound(sink, load, contender, scenario);
          if (round >= 0) rounds.get(contender.name)?.push(figures);
        }
      }
      return [...rounds].map(([name, figures]) => medians(name, figures));
    },
    stop: () => {
      sink.disconnect();
      load.disconnect();
    },
  };
}

async function oneRound(
  sink: ChildProcess,
  load: ChildProcess,
  contender: Contender,
  scenario: Scenario,
): Promise<Figures> {
  const { name, port, pid } = contender;
  const { size, connections, messages, tls } = scenario;
  await ask<SinkAnswer>(sink, { expect: { messages, size, rewritten: contender.rewrites } } satisfies SinkRequest);
  let peak = 0;
  const look = () => {
    if (pid !== undefined) peak = Math.max(peak, memoryMiB(pid));
  };
  const timer = setInterval(look, MEMORY_EVERY_MS);
  const before = pid === undefined ? 0 : cpuSeconds(pid);
  // TLS is between client and relay; the client straight to the sink stays without.
  const request: LoadRequest = { port, connections, messages, size, tls: tls && pid !== undefined };
  const answer = await ask<LoadAnswer>(load, request);
  const cpu = (pid === undefined ? 0 : cpuSeconds(pid)) - before;
  clearInterval(timer);
  look();
  if ('error' in answer) throw new Error(`${name}: ${answer.error}`);
  const report = await ask<SinkAnswer>(sink, { report: true } satisfies SinkRequest);
  if (!('arrivals' in report)) throw new Error('the sink did not report');
  assertWhole(name, messages, report.arrivals);
  return figuresOf(name, messages, answer.result, report.arrivals, cpu, peak);
}

/** A fast relay that loses, doubles or changes mail has not been measured; it has failed. */
export function assertWhole(name: string, messages: number, { arrived, missing, doubled, wrong }: Arrivals): void {
  if (arrived === messages && missing === 0 && doubled === 0 && wrong.length === 0) return;
  const what = `${arrived} of ${messages} messages arrived, ${missing} missing, ${doubled} doubled`;
  throw new Error([`${name}: ${what}`, ...wrong].join('\n  '));
}

function figuresOf(
  name: string,
  messages: number,
  load: LoadResult,
  sink: Arrivals,
  cpu: number,
  peak: number,
): Figures {
  return {
    name,
    messagesPerSecond: messages / load.seconds,
    cpuPerThousand: (cpu / messages) * 1000,
    memoryMiB: peak,
    p50: load.p50,
    p99: load.p99,
    groundPerThousand: ((load.cpuSeconds + sink.cpuSeconds) / messages) * 1000,
  };
}

function medians(name: string, rounds: readonly Figures[]): Figures {
  const of = (field: Exclude<keyof Figures, 'name'>) => median(rounds.map((round) => round[field]));
  return {
    name,
    messagesPerSecond: of('messagesPerSecond'),
    cpuPerThousand: of('cpuPerThousand'),
    memoryMiB: Math.max(...rounds.map((round) => round.memoryMiB)),
    p50: of('p50'),
    p99: of('p99'),
    groundPerThousand: of('groundPerThousand'),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function ask<Answer>(child: ChildProcess, request: object): Promise<Answer> {
  const answer = answerOf<Answer>(child);
  child.send(request);
  return answer;
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a part of the benchmark ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.removeListener('exit', ended);
      resolve(message as Answer);
    });
  });
}
