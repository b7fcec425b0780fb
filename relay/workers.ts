/** Worker processes that share the relay's listeners: started, told, asked, and replaced when one dies. */

import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { ApplyResult, Configuration, RelayOptions } from './main.ts';
import type { Answers, FromWorker, ToWorker } from './worker-messages.ts';

/** A worker that dies at once would otherwise be started again as fast as the machine can. */
const RESTART_MS = 1000;
/** A worker that is busy answers in milliseconds; one that hangs must not hang /metrics. */
const ANSWER_MS = 5000;

export interface WorkerPool {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  apply(next: Configuration): Promise<ApplyResult>;
  ask<What extends keyof Answers>(what: What): Promise<Answers[What][]>;
  drain(moreSeconds?: number): Promise<void>;
}

/** Rejects with the first worker's reason when one cannot start. */
export async function startWorkers(options: RelayOptions, first: Configuration, count: number): Promise<WorkerPool> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(`./worker.${extension}`, import.meta.url)),
    args: [],
    serialization: 'advanced',
  });
  const pool = new Pool(options, first);
  // One after another: the first takes a port that is free, the others share it.
  for (let started = 0; started < count; started++) await pool.start();
  return pool;
}

class Pool implements WorkerPool {
  addresses: WorkerPool['addresses'] = [];
  readonly #options: RelayOptions;
  readonly #workers = new Set<Worker>();
  readonly #waiting = new Map<number, (message: FromWorker) => void>();
  #configuration: Configuration;
  #nextId = 0;
  #draining = false;

  constructor(options: RelayOptions, first: Configuration) {
    this.#options = options;
    this.#configuration = first;
  }

  async start(): Promise<void> {
    const worker = cluster.fork();
    const started = Promise.withResolvers<void>();
    const given = this.#configuration;
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'started':
          this.addresses = message.addresses;
          void this.#admit(worker, given).then(started.resolve, started.reject);
          return;
        case 'failed':
          if (this.#workers.has(worker))
            this.#options.lines.log.error('a worker could not do as it was told', { reason: message.reason });
          started.reject(Object.assign(new Error(message.reason), { code: message.code }));
          return;
        case 'delivered':
          for (const other of this.#workers) if (other !== worker) tell(other, message);
          return;
        case 'applied':
        case 'answer':
          this.#waiting.get(message.id)?.(message);
      }
    });
    worker.on('exit', (code, signal) => {
      started.reject(new Error(`a worker ended at its start (${signal ?? code})`));
      if (!this.#workers.delete(worker) || this.#draining) return;
      this.#options.lines.log.error('a worker has died and is replaced', { pid: worker.process.pid, code, signal });
      setTimeout(() => void this.#replace(), RESTART_MS);
    });
    const { lines: _lines, onDelivered: _onDelivered, ...rest } = this.#options;
    tell(worker, { type: 'start', options: rest, configuration: given });
    try {
      await started.promise;
    } catch (error) {
      worker.kill();
      throw error;
    }
  }

  /** What has come into force while it started is told to it before it counts as one of them. */
  async #admit(worker: Worker, given: Configuration): Promise<void> {
    let known = given;
    while (known !== this.#configuration) {
      known = this.#configuration;
      const result = await this.#applyTo(worker, known);
      if (!result.ok) throw new Error(result.reason);
    }
    if (!worker.isConnected()) throw new Error('a worker ended at its start');
    this.#workers.add(worker);
  }

  async apply(next: Configuration): Promise<ApplyResult> {
    const before = this.#configuration;
    for (const worker of this.#workers) {
      const result = await this.#applyTo(worker, next);
      if (result.ok) continue;
      // The same bytes on the same machine: what one refuses, all refuse. Those before it go back.
      for (const other of this.#workers) if (other !== worker) await this.#applyTo(other, before);
      return result;
    }
    this.#configuration = next;
    return { ok: true };
  }

  async ask<What extends keyof Answers>(what: What): Promise<Answers[What][]> {
    const answers = await Promise.all(
      [...this.#workers].map((worker) => this.#question(worker, (id) => ({ type: 'ask', id, what }))),
    );
    return answers.flatMap((message) => (message?.type === 'answer' ? [message.answer as Answers[What]] : []));
  }

  async drain(moreSeconds = 0): Promise<void> {
    this.#draining = true;
    const ended = [...this.#workers].map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    for (const worker of this.#workers) tell(worker, { type: 'drain', moreSeconds });
    await Promise.all(ended);
  }

  async #applyTo(worker: Worker, configuration: Configuration): Promise<ApplyResult> {
    const message = await this.#question(worker, (id) => ({ type: 'apply', id, configuration }));
    // A worker that is gone is replaced by one that begins with what is in force then.
    return message?.type === 'applied' ? message.result : { ok: true };
  }

  /** undefined when the worker does not answer. */
  #question(worker: Worker, make: (id: number) => ToWorker): Promise<FromWorker | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const settle = (message?: FromWorker) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(message);
      };
      const timer = setTimeout(settle, ANSWER_MS);
      this.#waiting.set(id, settle);
      tell(worker, make(id));
    });
  }

  async #replace(): Promise<void> {
    if (this.#draining) return;
    try {
      await this.start();
      this.#options.lines.log.info('a worker has been replaced');
    } catch (error) {
      this.#options.lines.log.error('a worker cannot be replaced', { error });
      setTimeout(() => void this.#replace(), RESTART_MS);
    }
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
