/** What the receiving front asks of the relay, whichever SMTP server stands in front: facts about a connection in, replies out. */

import type { X509Certificate } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { MailParameters, Path } from '../core/envelope.ts';
import type { Reply } from '../core/reply.ts';

/** Facts about a client, filled in by the front as they become known. */
export interface ClientConnection {
  /** Unique in this process; the beginning of the queue ids of its messages. */
  readonly id: string;
  /** True client address; IPv4-mapped IPv6 addresses as IPv4. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The name given with HELO or EHLO, printable ASCII only; empty before. */
  readonly heloName: string;
  /** EHLO rather than HELO. */
  readonly extended: boolean;
  readonly tls: ClientTls | undefined;
}

export interface ClientTls {
  /** `TLSv1.3` */
  readonly version: string;
  /** `TLS_AES_256_GCM_SHA384` */
  readonly cipher: string;
  /** The certificate the client showed and the further ones it sent, unverified; undefined when none was asked for or shown. */
  readonly certificate: X509Certificate | undefined;
  readonly chain: readonly X509Certificate[];
}

/** One connection's conversation. The front calls in SMTP order and never two at a time, except closed(). */
export interface SmtpSession {
  /** MAIL; the front has checked syntax, parameters and SIZE against the limit. `organization` is what XOORG= says. */
  mail(reversePath: Path, parameters: MailParameters, organization?: string): Reply | Promise<Reply>;
  /** Whether this client, as it is known now, may name its organization on MAIL: XOORG is offered and taken. */
  offersOrganization?(): boolean;
  recipient(forwardPath: Path): Reply | Promise<Reply>;
  /**
   * The content after DATA, dots removed, up to the final dot; every line ending as the client sent it.
   * The stream errors, and never ends, when the client leaves before its final dot. Must be read to its end or destroyed;
   * the reply goes out after both the stream's end and the promise.
   */
  data(content: Readable): Promise<Reply>;
  /** RSET, a new EHLO, or a transaction that ended. */
  reset(): void;
  /**
   * The connection is gone. A delivery after the final dot goes on nevertheless. `politely`: the client said
   * QUIT, and so has heard every answer.
   */
  closed(politely: boolean): void;
}

export interface Sessions {
  /** A Reply (421 or 554) refuses the connection with that greeting. */
  open(connection: ClientConnection): SmtpSession | Reply;
  /** Whether to ask this client for a certificate in its TLS handshake. */
  wantsCertificate(address: string): boolean;
}
