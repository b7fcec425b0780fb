/** What an act of the story is made of: a message, and what must come of it. */

import type { Mail } from './message.ts';

export const PLACES = {
  tenant1: 'tenant 1',
  tenant2: 'tenant 2',
  tenant10: 'tenant 10',
  onPremises: 'the authority',
  cloud: 'the cloud',
  world: 'the internet',
} as const;

export type Place = keyof typeof PLACES;

/** Who can write: besides the places, those who have no business here. */
export const SENDERS = {
  ...PLACES,
  stranger: 'a stranger',
  /** Has a tenant of Exchange Online, as anybody can. */
  customer: 'a stranger in Exchange Online',
} as const;

export type SenderName = keyof typeof SENDERS;

/** What must arrive somewhere. */
export interface Expected {
  readonly at: Place;
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly cc?: string;
  /** Domain whose DKIM signature a foreign verifier must find good. undefined: it came unsigned, and must stay so. */
  readonly signedBy: string | undefined;
}

/** One transaction: the sending system tries again at once for whom it heard 4xx. */
export interface Outcome {
  /** Beginning of what the sender hears. */
  readonly reply: string;
  /** Recipients that are refused in it, and the beginning of what is said about each. */
  readonly refused?: Readonly<Record<string, string>>;
  /** undefined: nothing arrives anywhere. */
  readonly arrives?: Expected;
  /** Whose mail systems must be asked, whatever they say to it, and whose must not even hear of it. */
  readonly asked?: Readonly<Partial<Record<Place, boolean>>>;
}

/** Taken at once, and this is what arrives. */
export function delivered(arrives: Expected): Outcome {
  return { reply: '250 ', arrives };
}

/** Manifests that are written into the folder while the relay runs, before the message is sent. */
export interface Joining {
  /** Folder of the manifests, from the root of the repository. */
  readonly manifests: string;
  /** What somebody else keeps sending, on one connection, until they are in force. */
  readonly meanwhile: { readonly sender: SenderName; readonly mail: Mail; readonly at: Place };
}

export interface Act {
  readonly title: string;
  readonly remark: string;
  readonly sender: SenderName;
  readonly joining?: Joining;
  readonly mail: Mail;
  readonly outcomes: readonly Outcome[];
}
