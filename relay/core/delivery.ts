/** The contract between the transaction and the sending side: claims at next hops, and why a step there did not succeed. */

import type { MailParameters } from './envelope.ts';
import type { MessageContent } from './message.ts';
import type { Reply } from './reply.ts';

/** Where a recipient's mail goes. A tenant's next hop, the fleet's smart host, or the MX hosts of a recipient domain. */
export type Target =
  | { readonly kind: 'TenantRoute'; readonly name: string }
  | { readonly kind: 'SmartHost' }
  | { readonly kind: 'MX'; readonly domain: string };

export type Stage =
  | 'lookup'
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'content';

export interface Refusal {
  readonly stage: Stage;
  /** What the next hop said; undefined when it said nothing (time-out, lost connection, DNS). */
  readonly reply: Reply | undefined;
  /** What the client should hear, where the edge that met the refusal knows better than the table of core/outcome.ts
   *  (null MX, no such domain, a next hop without SMTPUTF8). */
  readonly verdict: Reply | undefined;
  /** For log and tracking only. */
  readonly cause: string;
}

export type StepResult =
  | { readonly ok: true; readonly reply: Reply }
  | { readonly ok: false; readonly refusal: Refusal };

/** The connection that answered last, for tracking. */
export interface NextHopConnection {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly tls: { readonly version: string; readonly cipher: string; readonly verified: boolean } | undefined;
}

export interface ClaimRequest {
  readonly target: Target;
  /** As it goes out, without angle brackets; empty for the null reverse-path. */
  readonly reversePath: string;
  readonly parameters: MailParameters;
}

/** An open transaction at a next hop: nothing is promised by it, and it may be let go and played again until the first octet of DATA. */
export interface Claim {
  readonly target: Target;
  readonly connection: NextHopConnection | undefined;
  /** Asks the next hop for one recipient; the first call sends MAIL along. `forwardPath` without angle brackets. */
  recipient(forwardPath: string): Promise<StepResult>;
  /**
   * Sends DATA and the message to all recipients that were accepted; plays MAIL and RCPT again when the claim was let go or lost.
   * `deadline` (milliseconds, as performance.now() counts) holds until our final dot; after it the answer is awaited for 600 s.
   * All recipients or none: a recipient refused when played again ends the attempt before DATA.
   */
  deliver(content: MessageContent, deadline: number): Promise<StepResult>;
  /** Ends the claim without delivering: RSET, and the connection goes back to the pool. May be called twice, and after deliver(). */
  release(): void;
}

export interface NextHops {
  claim(request: ClaimRequest): Claim;
}
