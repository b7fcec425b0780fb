/** What the runtime counts, under controller-runtime's names, so that dashboards made for any operator show this one. */

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface RequestMetrics {
  request(call: {
    readonly method: string;
    readonly host: string;
    readonly code: string;
    readonly seconds: number;
  }): void;
}

export interface WatchMetrics {
  listed(): void;
  ended(reason: string): void;
  failed(reason: string): void;
}

/** controller-runtime's result label. */
export type ReconcileResult = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface QueueMetrics {
  added(): void;
  retried(): void;
  started(waitedSeconds: number): void;
  finished(result: ReconcileResult, seconds: number): void;
  /** Asked at every scrape. */
  from(state: () => QueueState): void;
}

export interface QueueState {
  readonly depth: number;
  readonly concurrency: number;
  /** How long each of the running has run. */
  readonly runningSeconds: readonly number[];
}

export interface KubeMetrics extends RequestMetrics {
  watch(resource: string): WatchMetrics;
  queue(name: string): QueueMetrics;
  leader(lease: string, isLeader: boolean): void;
}

/** 10 ns to 1000 s, and the request buckets of Kubernetes' own components. */
const QUEUE_BUCKETS = Array.from({ length: 12 }, (_, exponent) => 10 ** (exponent - 8));
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

const RESULTS: readonly ReconcileResult[] = ['success', 'error', 'requeue', 'requeue_after'];

export function kubeMetrics(registry: Registry): KubeMetrics {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram({ name, help, buckets, labelNames, registers });

  const requests = counter('rest_client_requests_total', 'Calls to the API server', 'code', 'method', 'host');
  const requestSeconds = histogram(
    'rest_client_request_duration_seconds',
    'Time until the API server answers',
    REQUEST_BUCKETS,
    'verb',
    'host',
  );
  const lists = counter('isthmus_operator_lists_total', 'Full lists that watches have made', 'resource');
  const ends = counter('isthmus_operator_watch_ends_total', 'Watches ended, by cause', 'resource', 'reason');
  const failures = counter('isthmus_operator_watch_failures_total', 'Failed lists and watches', 'resource', 'reason');
  const leaderStatus = new Gauge({
    name: 'leader_election_master_status',
    help: '1: this process leads',
    labelNames: ['name'],
    registers,
  });
  const queues = queueCollectors(registry);
  return {
    request({ method, host, code, seconds }) {
      requests.inc({ code, method, host });
      requestSeconds.observe({ verb: method, host }, seconds);
    },
    watch: (resource) => ({
      listed: () => lists.inc({ resource }),
      ended: (reason) => ends.inc({ resource, reason }),
      failed: (reason) => failures.inc({ resource, reason }),
    }),
    queue: queues,
    leader: (lease, isLeader) => leaderStatus.set({ name: lease }, isLeader ? 1 : 0),
  };
}

function queueCollectors(registry: Registry): (name: string) => QueueMetrics {
  const registers = [registry];
  const states = new Map<string, () => QueueState>();
  const gauge = (name: string, help: string, labels: (queue: string) => Record<string, string>, read: Read) =>
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels('')),
      registers,
      collect() {
        for (const [queue, state] of states) this.set(labels(queue), read(state()));
      },
    });
  const ofQueue = (queue: string) => ({ name: queue, controller: queue });
  const ofController = (queue: string) => ({ controller: queue });
  const queueLabels = ['name', 'controller'];
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[], labelNames: string[]) =>
    new Histogram({ name, help, buckets, labelNames, registers });

  gauge('workqueue_depth', 'Keys that wait', ofQueue, ({ depth }) => depth);
  gauge('workqueue_unfinished_work_seconds', 'Time of all running work so far', ofQueue, (state) =>
    state.runningSeconds.reduce((sum, seconds) => sum + seconds, 0),
  );
  gauge('workqueue_longest_running_processor_seconds', 'Time of the longest running work', ofQueue, (state) =>
    Math.max(0, ...state.runningSeconds),
  );
  gauge('controller_runtime_active_workers', 'Running work', ofController, (state) => state.runningSeconds.length);
  gauge(
    'controller_runtime_max_concurrent_reconciles',
    'Work that may run at once',
    ofController,
    (state) => state.concurrency,
  );
  const adds = counter('workqueue_adds_total', 'Keys added', queueLabels);
  const retries = counter('workqueue_retries_total', 'Keys added again, later', queueLabels);
  const waits = histogram('workqueue_queue_duration_seconds', 'Time a key waits', QUEUE_BUCKETS, queueLabels);
  const works = histogram('workqueue_work_duration_seconds', 'Time work takes', QUEUE_BUCKETS, queueLabels);
  const total = counter('controller_runtime_reconcile_total', 'Work done, by result', ['controller', 'result']);
  const errors = counter('controller_runtime_reconcile_errors_total', 'Work that failed', ['controller']);
  const times = histogram('controller_runtime_reconcile_time_seconds', 'Time work takes', RECONCILE_BUCKETS, [
    'controller',
  ]);

  return (queue) => {
    const labels = ofQueue(queue);
    const controller = ofController(queue);
    // Exported at 0 from the start: a rate over a counter that appears with its first error shows nothing.
    adds.inc(labels, 0);
    retries.inc(labels, 0);
    errors.inc(controller, 0);
    for (const result of RESULTS) total.inc({ ...controller, result }, 0);
    return {
      added: () => adds.inc(labels),
      retried: () => retries.inc(labels),
      started: (seconds) => waits.observe(labels, seconds),
      finished(result, seconds) {
        works.observe(labels, seconds);
        times.observe(controller, seconds);
        total.inc({ ...controller, result });
        if (result === 'error') errors.inc(controller);
      },
      from: (state) => states.set(queue, state),
    };
  };
}

type Read = (state: QueueState) => number;
