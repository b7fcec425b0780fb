/** What has become of a transaction's recipients by the end of its envelope: promised with a 250, or refused for good since. */

import type { Claim } from '../core/delivery.ts';
import type { Path } from '../core/envelope.ts';
import type { AcceptedRecipient } from '../core/recipient.ts';
import type { Reply } from '../core/reply.ts';
import type { TransactionStart } from './start.ts';
import type { Trail } from './trail.ts';

/** A recipient that was answered 250. */
export interface TakenRecipient {
  readonly path: Path;
  readonly recipient: AcceptedRecipient;
}

/** Refused for good. */
export interface FailedRecipient {
  readonly path: Path;
  readonly reply: Reply;
  readonly cause: string;
}

/** What RCPT has brought about. */
export interface Promised {
  readonly start: TransactionStart;
  readonly trail: Trail;
  readonly taken: readonly TakenRecipient[];
  readonly first: AcceptedRecipient;
  /** As the next hop has heard it, or would. */
  readonly reversePath: string;
  /** undefined for provisional recipients: nobody was asked. */
  readonly claim: Claim | undefined;
}
