/** Starts the compiling thread and speaks with it: nothing of what it holds is ever copied as a whole. */

import { Worker } from 'node:worker_threads';
import type { Change, Compilation, Compiler, CompilerOptions, Restored, StoredFleet } from './compiler.ts';
import { Inbound } from './inbound.ts';
import type { FromThread, ToThread } from './messages.ts';
import { Outbox } from './outbox.ts';

/** Rejects when the thread cannot start. */
export async function startCompiler(options: CompilerOptions): Promise<Compiler> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const compiler = new ThreadedCompiler(
    new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData: options }),
  );
  await compiler.ready;
  return compiler;
}

interface Waiting {
  readonly resolve: (answer: Restored | Compilation) => void;
  readonly reject: (cause: Error) => void;
}

class ThreadedCompiler implements Compiler {
  readonly ready: Promise<void>;
  readonly #thread: Worker;
  readonly #outbox: Outbox;
  readonly #inbound = new Inbound();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #death: Error | undefined;

  constructor(thread: Worker) {
    this.#thread = thread;
    this.#outbox = new Outbox((message, transfer) => thread.postMessage(message, transfer));
    const started = Promise.withResolvers<void>();
    this.ready = started.promise;
    const die = (error: Error) => {
      started.reject(error);
      this.#die(error);
    };
    thread.on('message', (message: FromThread) => {
      if (message.type === 'ready') started.resolve();
      else this.#hear(message);
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

  async compile(now: number): Promise<Compilation> {
    return (await this.#ask((id) => ({ type: 'compile', id, now }))) as Compilation;
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
    this.#waiting.set(id, { resolve, reject });
    this.#outbox.send(question(id));
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
    this.#waiting.get(id)?.resolve(answer);
    this.#waiting.delete(id);
  }

  /** The first cause is the one that counts. */
  #die(cause: Error): void {
    this.#death ??= cause;
    this.#outbox.close();
    for (const { reject } of this.#waiting.values()) reject(this.#death);
    this.#waiting.clear();
  }
}
