/** What the relay and the thread that reads its manifests tell each other: a rule that has not changed is not sent again. */

import type { FleetResult } from '../operator/compile/result.ts';
import type { RelayConfig, RewriteRuleConfig } from '../relay/core/config.ts';
import { CommandLineError } from './command-line.ts';
import type { Diagnosis } from './diagnosis.ts';

export type ToSource =
  | { readonly type: 'read'; readonly id: number; readonly now: Date }
  /** What was read last is in force. */
  | { readonly type: 'remember'; readonly id: number };

export type FromSource =
  | { readonly type: 'ready' }
  /** Begins a rule that has changed; its addresses follow, a few at a time. */
  | { readonly type: 'rule'; readonly rule: RewriteRuleConfig }
  | { readonly type: 'addresses'; readonly addresses: RewriteRuleConfig['addresses'] }
  | { readonly type: 'read'; readonly id: number; readonly reading: SentReading }
  | { readonly type: 'remembered'; readonly id: number }
  /** id undefined: it cannot even start. */
  | { readonly type: 'failed'; readonly id: number | undefined; readonly failure: SentError };

export interface SentReading {
  readonly diagnoses: readonly Diagnosis[];
  readonly kept: readonly string[];
  readonly fleet: SentFleet | SentError;
}

export interface SentFleet extends Omit<FleetResult, 'config'> {
  readonly config: Omit<RelayConfig, 'rewriteRules'>;
  /** Names of the rules, in the order of the configuration. */
  readonly rules: readonly string[];
}

/** An error that crosses the border of a thread loses everything that Error does not have. */
export interface SentError {
  readonly error: Error;
  /** Of a CommandLineError. */
  readonly advice: string | undefined;
}

export function sentError(error: unknown): SentError {
  return {
    error: error instanceof Error ? error : new Error(String(error)),
    advice: error instanceof CommandLineError ? error.advice : undefined,
  };
}

export function receivedError({ error, advice }: SentError): Error {
  return advice === undefined ? error : new CommandLineError(error.message, advice);
}
