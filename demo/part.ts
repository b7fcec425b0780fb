/** A part of the story: who takes part, from which manifests the relay runs, and what happens. */

import type { Act, Place, SenderName } from './act.ts';

/** A mail system that takes mail. */
export interface Site {
  /** Name in its greeting and its certificate. */
  readonly name: string;
  hasMailbox(address: string): boolean;
}

/** One with these mailboxes and no others. */
export function site(name: string, mailboxes: readonly string[]): Site {
  return { name, hasMailbox: (address) => mailboxes.includes(address) };
}

/** A mail system that sends. */
export interface Origin {
  /** Name in its EHLO. */
  readonly name: string;
  /** DNS name of the certificate that it shows. */
  readonly certificate?: string;
  /** It made the certificate itself: nobody trusts who issued it. */
  readonly selfMade?: boolean;
}

export interface Part {
  readonly title: string;
  readonly remark: string;
  /** Folders of manifests, from the root of the repository. */
  readonly sample: string;
  readonly overlay: string;
  /** The shared domain, whose mail the relay signs. */
  readonly domain: string;
  readonly sites: Readonly<Partial<Record<Place, Site>>>;
  readonly origins: Readonly<Partial<Record<SenderName, Origin>>>;
  readonly acts: readonly Act[];
}
