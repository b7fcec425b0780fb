/** The thread that reads manifests and compiles them, so that the relay goes on with its mail meanwhile. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { RewriteRuleConfig } from '../relay/core/config.ts';
import type { RelayCommand } from './relay-options.ts';
import { type Reading, RelaySource } from './relay-source.ts';
import { type FromSource, type SentFleet, type SentError, sentError, type ToSource } from './source-messages.ts';

/** Taken in by the relay in about 2 ms. */
const ROWS_A_MESSAGE = 2000;

class SourceServer {
  readonly #source: RelaySource;
  readonly #tell: (message: FromSource) => void;
  #sent: ReadonlyMap<string, RewriteRuleConfig> = new Map();
  #last: Reading | undefined;

  constructor(command: RelayCommand, tell: (message: FromSource) => void) {
    this.#source = new RelaySource(command);
    this.#tell = tell;
  }

  obey(message: ToSource): void {
    const { id } = message;
    switch (message.type) {
      case 'read': {
        const reading = this.#source.read(message.now);
        this.#last = reading;
        const { diagnoses, kept } = reading;
        this.#tell({ type: 'read', id, reading: { diagnoses, kept, fleet: this.#fleet(reading) } });
        return;
      }
      case 'remember':
        if (this.#last !== undefined) this.#source.remember(this.#last.state());
        this.#tell({ type: 'remembered', id });
    }
  }

  #fleet(reading: Reading): SentFleet | SentError {
    let fleet: ReturnType<Reading['fleet']>;
    try {
      fleet = reading.fleet();
    } catch (error) {
      return sentError(error);
    }
    const { rewriteRules, ...config } = fleet.config;
    for (const rule of rewriteRules) if (this.#sent.get(rule.name) !== rule) this.#sendRule(rule);
    this.#sent = new Map(rewriteRules.map((rule) => [rule.name, rule]));
    return { ...fleet, config, rules: rewriteRules.map(({ name }) => name) };
  }

  #sendRule(rule: RewriteRuleConfig): void {
    this.#tell({ type: 'rule', rule: { ...rule, addresses: [] } });
    for (let start = 0; start < rule.addresses.length; start += ROWS_A_MESSAGE) {
      this.#tell({ type: 'addresses', addresses: rule.addresses.slice(start, start + ROWS_A_MESSAGE) });
    }
  }
}

function serve(port: MessagePort): void {
  const tell = (message: FromSource) => port.postMessage(message);
  const attempt = <T>(id: number | undefined, action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      tell({ type: 'failed', id, failure: sentError(error) });
      return undefined;
    }
  };
  const server = attempt(undefined, () => new SourceServer(workerData as RelayCommand, tell));
  if (server === undefined) return;
  port.on('message', (message: ToSource) => attempt(message.id, () => server.obey(message)));
  tell({ type: 'ready' });
}

if (parentPort === null) throw new Error('this file is run as a thread');
serve(parentPort);
