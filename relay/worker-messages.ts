/** What a relay's parent process and its workers tell each other. */

import type { MetricsSnapshot } from './metrics/metrics.ts';
import type { ApplyResult, Configuration, RelayOptions } from './main.ts';
import type { RelayStatus } from './status.ts';

/** Options that another process can be given; every worker opens its own lines on the shared standard output. */
export type WorkerOptions = Omit<RelayOptions, 'lines' | 'onDelivered'>;

export interface Answers {
  status: RelayStatus;
  metrics: { readonly contentType: string; readonly snapshot: MetricsSnapshot };
}

export type ToWorker =
  | { readonly type: 'start'; readonly options: WorkerOptions; readonly configuration: Configuration }
  | { readonly type: 'apply'; readonly id: number; readonly configuration: Configuration }
  | { readonly type: 'ask'; readonly id: number; readonly what: keyof Answers }
  /** Another worker has delivered this after its client had gone. */
  | { readonly type: 'delivered'; readonly key: string }
  | { readonly type: 'drain'; readonly moreSeconds: number };

export type FromWorker =
  | { readonly type: 'started'; readonly addresses: readonly { readonly host: string; readonly port: number }[] }
  | { readonly type: 'failed'; readonly reason: string; readonly code: string | undefined }
  | { readonly type: 'applied'; readonly id: number; readonly result: ApplyResult }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly type: 'delivered'; readonly key: string };
