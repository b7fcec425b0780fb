/** A RelaySource in a thread of its own: 50,000 users are read and compiled while mail goes on. */

import { Worker } from 'node:worker_threads';
import type { RewriteRuleConfig } from '../relay/core/config.ts';
import type { RelayCommand } from './relay-options.ts';
import type { Reading } from './relay-source.ts';
import { type FromSource, receivedError, type SentReading, type ToSource } from './source-messages.ts';

/** What is to be remembered stays in the thread. */
export type ThreadReading = Omit<Reading, 'state'>;

type Answer = ThreadReading | undefined;

/** Rejects when the thread cannot begin: the data folder cannot be read, for example. */
export async function startSource(command: RelayCommand): Promise<SourceThread> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./source-worker.${extension}`, import.meta.url), { workerData: command });
  const thread = new SourceThread(worker);
  try {
    await thread.ready;
  } catch (error) {
    await thread.close();
    throw error;
  }
  return thread;
}

/** When the thread dies, everything that is asked from then on is rejected with the cause. */
export class SourceThread {
  readonly ready: Promise<void>;
  readonly #thread: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  readonly #rules = new Rules();
  #nextId = 0;
  #death: Error | undefined;

  constructor(thread: Worker) {
    this.#thread = thread;
    const started = Promise.withResolvers<void>();
    this.ready = started.promise;
    const fail = (error: Error) => {
      started.reject(error);
      this.#die(error);
    };
    thread.on('message', (message: FromSource) => {
      if (message.type === 'ready') started.resolve();
      else if (message.type === 'failed' && message.id === undefined) fail(receivedError(message.failure));
      else this.#hear(message);
    });
    thread.on('error', (cause) => fail(new Error('the thread that reads manifests has died', { cause })));
    thread.on('exit', (code) => fail(new Error(`the thread that reads manifests has ended with code ${code}`)));
  }

  /** Looks at the folders as they are now. Remembers nothing yet: see remember(). */
  async read(now: Date): Promise<ThreadReading> {
    const reading = await this.#ask((id) => ({ type: 'read', id, now }));
    if (reading === undefined) throw new Error('the thread that reads manifests answered another question');
    return reading;
  }

  /** The configuration that was read last is in force now. */
  async remember(): Promise<void> {
    await this.#ask((id) => ({ type: 'remember', id }));
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #ask(question: (id: number) => ToSource): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>();
    if (this.#death !== undefined) {
      waiting.reject(this.#death);
    } else {
      const id = this.#nextId++;
      this.#waiting.set(id, waiting);
      this.#thread.postMessage(question(id));
    }
    return waiting.promise;
  }

  #hear(message: Exclude<FromSource, { type: 'ready' }>): void {
    switch (message.type) {
      case 'rule':
        this.#rules.begin(message.rule);
        return;
      case 'addresses':
        this.#rules.add(message.addresses);
        return;
      case 'read':
        this.#waiting.get(message.id)?.resolve(this.#reading(message.reading));
        this.#waiting.delete(message.id);
        return;
      case 'remembered':
        this.#waiting.get(message.id)?.resolve(undefined);
        this.#waiting.delete(message.id);
        return;
      case 'failed':
        if (message.id === undefined) return;
        this.#waiting.get(message.id)?.reject(receivedError(message.failure));
        this.#waiting.delete(message.id);
    }
  }

  #reading({ diagnoses, kept, fleet }: SentReading): ThreadReading {
    if ('error' in fleet) {
      return {
        diagnoses,
        kept,
        fleet: () => {
          throw receivedError(fleet);
        },
      };
    }
    const { config, rules, ...rest } = fleet;
    const whole = { ...rest, config: { ...config, rewriteRules: this.#rules.take(rules) } };
    return { diagnoses, kept, fleet: () => whole };
  }

  #die(cause: Error): void {
    this.#death ??= cause;
    for (const { reject } of this.#waiting.values()) reject(this.#death);
    this.#waiting.clear();
  }
}

/** The rules as they were sent last. */
class Rules {
  #known = new Map<string, RewriteRuleConfig>();
  #arriving: RewriteRuleConfig | undefined;

  begin(rule: RewriteRuleConfig): void {
    this.#arriving = rule;
    this.#known.set(rule.name, rule);
  }

  add(addresses: RewriteRuleConfig['addresses']): void {
    for (const address of addresses) this.#arriving?.addresses.push(address);
  }

  take(names: readonly string[]): RewriteRuleConfig[] {
    const rules = names.map((name) => {
      const rule = this.#known.get(name);
      if (rule === undefined) throw new Error(`the thread that reads manifests never sent the rule ${name}`);
      return rule;
    });
    this.#known = new Map(rules.map((rule) => [rule.name, rule]));
    return rules;
  }
}
