/** A relay as whoever started it sees it: in this process, or spread over workers that share its listeners. */

import { aggregateText } from './metrics/metrics.ts';
import { type ApplyResult, type Configuration, Relay, type RelayOptions } from './main.ts';
import { mergeStatus, type RelayStatus } from './status.ts';
import { startWorkers } from './workers.ts';

export interface RelayRunner {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** A configuration that one worker refuses is in force in none that could still be asked. */
  apply(next: Configuration): Promise<ApplyResult>;
  status(): Promise<RelayStatus>;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** A line of the caller's own could not be written. */
  lineLost(): void;
  /** Resolves when all sessions have ended. New ones are taken for lameDuckSeconds of the configuration, and these more. */
  drain(moreSeconds?: number): Promise<void>;
}

/** Rejects when the configuration cannot be run or an address cannot be listened on. */
export async function runRelay(options: RelayOptions, first: Configuration, workers: number): Promise<RelayRunner> {
  if (workers === 1) return inProcess(options, first);
  const pool = await startWorkers(options, first, workers);
  return {
    addresses: pool.addresses,
    apply: (next) => pool.apply(next),
    status: async () => mergeStatus(await pool.ask('status')),
    metrics: async () => {
      const answers = await pool.ask('metrics');
      return {
        contentType: answers[0]?.contentType ?? 'text/plain',
        text: await aggregateText(answers.map(({ snapshot }) => snapshot)),
      };
    },
    // The workers count their own; those of the parent are a handful.
    lineLost: () => {},
    drain: (moreSeconds) => pool.drain(moreSeconds),
  };
}

async function inProcess(options: RelayOptions, first: Configuration): Promise<RelayRunner> {
  const relay = new Relay(options, first);
  await relay.listen();
  return {
    addresses: relay.addresses,
    apply: async (next) => relay.apply(next),
    status: async () => relay.status(),
    metrics: async () => ({ contentType: relay.metrics.contentType, text: await relay.metrics.text() }),
    lineLost: () => relay.metrics.linesLost.add(),
    drain: (moreSeconds) => relay.drain(moreSeconds),
  };
}
