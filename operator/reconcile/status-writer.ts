/** Writes statuses that have changed, at most so many a second, and tells of it in events. */

import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import type { Api, KubeObject } from '../kube/api.ts';
import { FIELD_MANAGER } from '../manifests/names.ts';
import type { Subject } from '../status/facts.ts';
import type { StatusResult } from '../status/facts.ts';
import { RESOURCES } from './kinds.ts';

/** An API server answers 5,000 of them in 9 s; others want to be served as well. */
const PER_SECOND = 50;
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
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #allowance = PER_SECOND;
  #allowedAt = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /**
   * Goes through them in their order and writes those that differ from what is there. Gives the shortest time, in
   * milliseconds, after which one of them will change by itself, and whether one could not be written.
   */
  async write(tasks: readonly StatusTask[]): Promise<{ nextLookMs: number | undefined; failed: boolean }> {
    let nextLookMs: number | undefined;
    let failed = false;
    let sinceYield = 0;
    for (const { subject, outcome: workOut } of tasks) {
      if (++sinceYield % WITHOUT_PAUSE === 0) await yieldToOthers();
      const outcome = workOut();
      if (outcome.nextLookMs !== undefined) nextLookMs = Math.min(nextLookMs ?? Infinity, outcome.nextLookMs);
      if (!outcome.changed) continue;
      await this.#wait();
      if (!(await this.#writeOne(subject, outcome))) failed = true;
    }
    return { nextLookMs, failed };
  }

  async #writeOne(subject: Subject, outcome: StatusResult): Promise<boolean> {
    const { kind, namespace, name } = subject;
    this.#options.assertLeader();
    const object = { apiVersion: API_VERSION, kind, metadata: { name, namespace }, status: outcome.status };
    const options = { manager: FIELD_MANAGER, force: true };
    const answer = await this.#options.api.applyStatus(RESOURCES[kind], object, options);
    if (answer.ok) {
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
