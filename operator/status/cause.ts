/** A condition before it is written: what it says, and how it is said. */

import type { ConditionType, Reason } from '../../crds/v1alpha1/conditions.ts';

/** Without lastTransitionTime and observedGeneration. */
export interface Cause {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

export interface Said extends Cause {
  readonly type: ConditionType;
}

/** The schema allows 32768; kubectl shows it on one line. */
const MESSAGE_LENGTH = 4096;

/** One text of several sentences, each with its end. */
export function sentences(...texts: readonly (string | undefined)[]): string {
  const whole = texts
    .map((text) => text?.trim() ?? '')
    .filter((text) => text !== '')
    .map((text) => (/[.!?…]$/.test(text) ? text : `${text}.`))
    .map(capitalised)
    .join(' ');
  return bounded(whole);
}

export function bounded(message: string): string {
  return message.length > MESSAGE_LENGTH ? `${message.slice(0, MESSAGE_LENGTH - 1)}…` : message;
}

/** Not `spec.replicas` and its like, which are names. */
function capitalised(text: string): string {
  return /^[a-z]+[ ,:;]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}
