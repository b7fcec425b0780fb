/** What an act of the story is made of: a message, and what must come of it. */

import type { Mail } from './mail-system.ts';

export const PLACES = {
  tenant1: 'tenant 1',
  tenant2: 'tenant 2',
  world: 'the internet',
} as const;

export type Place = keyof typeof PLACES;

/** What must arrive somewhere. */
export interface Expected {
  readonly at: Place;
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly cc?: string;
  /** Domain whose DKIM signature a foreign verifier must find good. */
  readonly signedBy: string;
}

/** One transaction: the sending system tries again at once for whom it heard 4xx. */
export interface Outcome {
  /** Beginning of what the sender hears. */
  readonly reply: string;
  /** Recipients that are refused in it, and the beginning of what is said about each. */
  readonly refused?: Readonly<Record<string, string>>;
  /** undefined: nothing arrives anywhere. */
  readonly arrives?: Expected;
}

export interface Act {
  readonly title: string;
  readonly remark: string;
  /** `stranger` is anybody on the internet who has no business here. */
  readonly sender: Place | 'stranger';
  readonly mail: Mail;
  readonly outcomes: readonly Outcome[];
}
