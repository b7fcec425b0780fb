/** Writes statuses that have changed, at most so many a second, and tells of it in events. */

import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import type { Api, KubeObject } from '../kube/api.ts';
import { FIELD_MANAGER } from '../manifests/names.ts';
import type { Subject } from '../status/facts.ts';
import type { StatusResult } from '../status/facts.ts';
import { keyOf, RESOURCES } from './kinds.ts';

/** An API server answers 5,000 of them in 9 s; others want to be served as well. */
const PER_SECOND = 50;
/** Half a second's worth: what has changed meanwhile comes before what is left. */
const IN_ONE_GO = 25;
/** Working statuses out takes some microseconds each; the lease must be renewed meanwhile. */
const WITHOUT_PAUSE = 200;

export interface StatusWriterOptions {
  readonly api: Api;
  readonly assertLeader: () => void;
  /** A written status, beside the one before. */
  readonly onWritten: (subject: Subject, outcome: StatusResult, written: KubeObject) => void;
  readonly delay: (ms: number) => Promise<void>;
  readonly log: { warn(fields: object, text: string): void };
}

export interface StatusTask {
  readonly subject: Subject;
  /** Worked out when its turn comes. */
  readonly outcome: () => StatusResult;
  /** What was worked out is what is there now. */
  readonly done: () => void;
  /** It could not be written: others come first the next time. */
  readonly putOff: () => void;
}

export interface Written {
  /** The shortest time, in milliseconds, after which one of them will change by itself. */
  readonly nextLookMs: number | undefined;
  readonly failed: boolean;
  /** Some are left for the next time. */
  readonly more: boolean;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #written = new Map<string, string | undefined>();
  #allowance = PER_SECOND;
  #allowedAt = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Goes through them in their order and writes those that differ from what is there, some of them in one go. */
  async write(tasks: readonly StatusTask[]): Promise<Written> {
    let nextLookMs: number | undefined;
    let failed = false;
    let looked = 0;
    let written = 0;
    for (const { subject, outcome: workOut, done, putOff } of tasks) {
      if (written === IN_ONE_GO) return { nextLookMs, failed, more: true };
      if (++looked % WITHOUT_PAUSE === 0) await yieldToOthers();
      const outcome = workOut();
      if (outcome.nextLookMs !== undefined) nextLookMs = Math.min(nextLookMs ?? Infinity, outcome.nextLookMs);
      if (outcome.changed) {
        await this.#wait();
        written++;
        if (!(await this.#writeOne(subject, outcome))) {
          failed = true;
          putOff();
          continue;
        }
      }
      done();
    }
    return { nextLookMs, failed, more: false };
  }

  /** That is how this writer left it. */
  isOwn({ kind, metadata }: KubeObject): boolean {
    return this.#written.get(`${kind} ${keyOf(metadata.namespace, metadata.name)}`) === metadata.resourceVersion;
  }

  /** It has been deleted. */
  forget({ kind, metadata }: KubeObject): void {
    this.#written.delete(`${kind} ${keyOf(metadata.namespace, metadata.name)}`);
  }

  async #writeOne(subject: Subject, outcome: StatusResult): Promise<boolean> {
    const { kind, namespace, name } = subject;
    this.#options.assertLeader();
    const object = { apiVersion: API_VERSION, kind, metadata: { name, namespace }, status: outcome.status };
    const options = { manager: FIELD_MANAGER, force: true };
    const answer = await this.#options.api.applyStatus(RESOURCES[kind], object, options);
    if (answer.ok) {
      this.#written.set(`${kind} ${keyOf(namespace, name)}`, answer.value.metadata.resourceVersion);
      this.#options.onWritten(subject, outcome, answer.value);
      return true;
    }
    // It has been deleted meanwhile.
    if (answer.status === 404) return true;
    this.#options.log.warn({ kind, namespace, name, reason: answer.message }, 'a status could not be written');
    return false;
  }

  async #wait(): Promise<void> {
    const now = performance.now();
    this.#allowance = Math.min(PER_SECOND, this.#allowance + ((now - this.#allowedAt) / 1000) * PER_SECOND);
    this.#allowedAt = now;
    if (this.#allowance < 1) await this.#options.delay(((1 - this.#allowance) / PER_SECOND) * 1000);
    this.#allowance -= 1;
  }
}
