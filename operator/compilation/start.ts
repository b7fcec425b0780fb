/** Starts the compiling thread and speaks with it: nothing of what it holds is ever copied as a whole. */

import { Worker } from 'node:worker_threads';
import type { Change, Compilation, Compiler, CompilerOptions, NotKnown, Restored, StoredFleet } from './compiler.ts';
import { Inbound } from './inbound.ts';
import type { FromThread, ToThread } from './messages.ts';
import { Outbox } from './outbox.ts';

export interface Watchdog {
  /** No answer takes that long: the thread is taken for hung, and ended. */
  readonly answerMs?: number;
  /** It has died by itself, also while nobody asked it for anything. Told once. */
  readonly onDeath?: (cause: Error) => void;
}

/** A million addresses take 6.3 s; a processor that is throttled to a tenth, with as much again waiting, is not hung. */
const ANSWER_MS = 300_000;

/** Rejects when the thread cannot start. */
export async function startCompiler(options: CompilerOptions, watchdog: Watchdog = {}): Promise<Compiler> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const compiler = new ThreadedCompiler(
    new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData: options }),
    watchdog,
  );
  await compiler.ready;
  return compiler;
}

interface Waiting {
  readonly resolve: (answer: Restored | Compilation) => void;
  readonly reject: (cause: Error) => void;
  readonly late: NodeJS.Timeout;
}

class ThreadedCompiler implements Compiler {
  readonly ready: Promise<void>;
  readonly #thread: Worker;
  readonly #watchdog: Watchdog;
  readonly #outbox: Outbox;
  readonly #inbound = new Inbound();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #death: Error | undefined;

  constructor(thread: Worker, watchdog: Watchdog) {
    this.#thread = thread;
    this.#watchdog = watchdog;
    this.#outbox = new Outbox((message, transfer) => thread.postMessage(message, transfer));
    const started = Promise.withResolvers<void>();
    this.ready = started.promise;
    const die = (error: Error) => {
      started.reject(error);
      this.#fall(error);
    };
    const late = this.#deadline('has not started', die);
    thread.on('message', (message: FromThread) => {
      if (message.type !== 'ready') {
        this.#hear(message);
        return;
      }
      clearTimeout(late);
      started.resolve();
    });
    thread.on('messageerror', (cause) => die(new Error('a message of the compiling thread cannot be read', { cause })));
    thread.on('error', (cause) => die(new Error('the compiling thread has died', { cause })));
    thread.on('exit', (code) => die(new Error(`the compiling thread has ended with code ${code}`)));
  }

  update(changes: readonly Change[]): void {
    if (this.#death === undefined) this.#outbox.update(changes);
  }

  async restore(stored: StoredFleet): Promise<Restored> {
    return (await this.#ask((id) => ({ type: 'restore', id, stored }))) as Restored;
  }

  async compile(now: number, notKnown?: NotKnown): Promise<Compilation> {
    return (await this.#ask((id) => ({ type: 'compile', id, now, notKnown }))) as Compilation;
  }

  inForce(namespace: string, fleet: string, revision: string): void {
    if (this.#death === undefined) this.#outbox.send({ type: 'inForce', namespace, fleet, revision });
  }

  async close(): Promise<void> {
    this.#die(new Error('the compiler was closed'));
    await this.#thread.terminate();
  }

  #ask(question: (id: number) => ToThread): Promise<Restored | Compilation> {
    const { promise, resolve, reject } = Promise.withResolvers<Restored | Compilation>();
    if (this.#death !== undefined) {
      reject(this.#death);
      return promise;
    }
    const id = this.#nextId++;
    const asked = question(id);
    const late = this.#deadline(`has not answered "${asked.type}"`, (error) => this.#fall(error));
    this.#waiting.set(id, { resolve, reject, late });
    this.#outbox.send(asked);
    return promise;
  }

  #hear(message: Exclude<FromThread, { type: 'ready' }>): void {
    switch (message.type) {
      case 'octets':
        this.#inbound.octets(message.octets);
        return;
      case 'outcomes':
        this.#inbound.outcomes(message.outcomes);
        return;
      case 'restored':
        this.#answer(message.id, message.restored);
        return;
      case 'compiled':
        this.#answer(message.id, this.#inbound.compiled(message.delta));
    }
  }

  #answer(id: number, answer: Restored | Compilation): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.late);
    waiting?.resolve(answer);
  }

  #deadline(what: string, onLate: (error: Error) => void): NodeJS.Timeout {
    const ms = this.#watchdog.answerMs ?? ANSWER_MS;
    return setTimeout(() => onLate(new Error(`the compiling thread ${what} for ${ms / 1000} s`)), ms).unref();
  }

  /** Without its being asked to. */
  #fall(cause: Error): void {
    if (this.#death !== undefined) return;
    this.#die(cause);
    void this.#thread.terminate();
    this.#watchdog.onDeath?.(cause);
  }

  /** The first cause is the one that counts. */
  #die(cause: Error): void {
    this.#death ??= cause;
    this.#outbox.close();
    for (const { reject, late } of this.#waiting.values()) {
      clearTimeout(late);
      reject(this.#death);
    }
    this.#waiting.clear();
  }
}
