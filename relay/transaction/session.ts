/** One client connection: collects facts, asks core, and turns the answer into a reply. */

import type { Readable } from 'node:stream';
import type { Directory } from '../core/directory.ts';
import type { MailParameters, Path } from '../core/envelope.ts';
import { isPublishedExchangeAddress } from '../core/exchange-ranges.ts';
import { proveByOrganization } from '../core/proof.ts';
import { REFUSAL_REPLIES } from '../core/recipient.ts';
import { formatReply, type Reply, reply } from '../core/reply.ts';
import { type ClientIdentity, couldNeedCertificate, identifyClient, sharesItsAddress } from '../core/source.ts';
import { tlsText } from '../core/tls-text.ts';
import type { ClientConnection, ClientTls, Sessions, SmtpSession } from '../smtp/session.ts';
import type { Delivery } from './delivered-memory.ts';
import type { TransactionEdges } from './edges.ts';
import { takesMessage, TOO_FAST } from './message-rate.ts';
import { Transaction } from './transaction.ts';

const MAIL_OK = reply(250, '2.1.0', 'OK');
const NO_TRANSACTION = reply(503, '5.5.1', 'Send MAIL first');

export function createSessions(edges: TransactionEdges): Sessions {
  return {
    open: (connection) => new RelaySession(edges, connection),
    wantsCertificate: (address) => couldNeedCertificate(edges.current().directory.sources, address),
  };
}

class RelaySession implements SmtpSession {
  readonly #edges: TransactionEdges;
  readonly #connection: ClientConnection;
  #transaction: Transaction | undefined;
  #sequence = 0;
  #gone = false;
  /** Delivered, and nothing has been heard from the client since. */
  #unconfirmed: Delivery | undefined;
  #known: { directory: Directory; tls: ClientTls | undefined; identity: ClientIdentity } | undefined;

  constructor(edges: TransactionEdges, connection: ClientConnection) {
    this.#edges = edges;
    this.#connection = connection;
  }

  offersOrganization(): boolean {
    return sharesItsAddress(this.#identify(this.#edges.current().directory));
  }

  mail(reversePath: Path, parameters: MailParameters, organization?: string): Reply {
    this.#unconfirmed = undefined;
    const { directory, sign, trace } = this.#edges.current();
    const client = this.#provenAtMail(this.#identify(directory), organization);
    const queueId = `${this.#connection.id}.${(this.#sequence++).toString(36)}`;
    if (client.kind === 'TlsMissing') {
      return this.#refuse(queueId, reversePath, REFUSAL_REPLIES.TlsMissing, 'its source takes mail over TLS only');
    }
    if (!takesMessage(this.#edges.rate, client, this.#connection.address, directory.config.fleet.limits)) {
      return this.#refuse(queueId, reversePath, TOO_FAST, 'limits.messagesPerMinutePerClient is exceeded');
    }
    this.#transaction = new Transaction(this.#edges, {
      directory,
      sign,
      trace,
      client,
      connection: this.#connection,
      queueId,
      reversePath,
      parameters,
      journal: false,
    });
    return MAIL_OK;
  }

  recipient(forwardPath: Path): Promise<Reply> | Reply {
    return this.#transaction?.recipient(forwardPath) ?? NO_TRANSACTION;
  }

  async data(content: Readable): Promise<Reply> {
    const transaction = this.#transaction;
    if (transaction === undefined) {
      content.resume();
      return NO_TRANSACTION;
    }
    try {
      const { reply: answer, delivery } = await transaction.data(content);
      this.#unconfirmed = delivery;
      if (this.#gone) this.#answerLost();
      return answer;
    } finally {
      transaction.release();
      this.#transaction = undefined;
    }
  }

  reset(): void {
    this.#transaction?.release();
    this.#transaction = undefined;
  }

  closed(politely: boolean): void {
    this.#gone = true;
    this.#transaction?.clientGone();
    if (!politely) this.#answerLost();
  }

  /** The client may never have heard that its message was delivered (RFC 1047): its retry shall not be delivered again. */
  #answerLost(): void {
    if (this.#unconfirmed === undefined) return;
    this.#edges.metrics.clientGoneAfterDot.add();
    this.#edges.delivered.remember(this.#unconfirmed);
    this.#unconfirmed = undefined;
  }

  #provenAtMail(client: ClientIdentity, organization: string | undefined): ClientIdentity {
    if (client.kind !== 'Candidate' || organization === undefined) return client;
    const proven = proveByOrganization(client, organization);
    if (proven.kind === 'Tenant') this.#edges.metrics.proofs.Organization.add();
    if (proven.kind === 'Held') this.#edges.metrics.proofs.Held.add();
    return proven;
  }

  /** The same until the configuration changes or TLS begins. */
  #identify(directory: Directory): ClientIdentity {
    const { tls, address } = this.#connection;
    if (this.#known?.directory !== directory || this.#known.tls !== tls) {
      const identity = identifyClient(directory.sources, {
        address,
        tls: tls !== undefined,
        certificateMatches: (demand) => tls !== undefined && this.#edges.certificateMatches(tls, demand),
      });
      if (sharesItsAddress(identity) && this.#known?.tls !== tls && !isPublishedExchangeAddress(address)) {
        this.#edges.metrics.exchangeElsewhere.add();
      }
      this.#known = { directory, tls, identity };
    }
    return this.#known.identity;
  }

  #refuse(queueId: string, reversePath: Path, value: Reply, cause: string): Reply {
    this.#edges.tracking.event({
      event: value === TOO_FAST ? 'THROTTLE' : 'FAIL',
      queueId,
      originalSender: reversePath.text,
      clientAddress: this.#connection.address,
      clientHelo: this.#connection.heloName,
      clientTls: tlsText(this.#connection.tls),
      reply: formatReply(value),
      cause,
    });
    return value;
  }
}
