/** The receiving half of a small mail system on loopback: takes mail for its mailboxes, and keeps it. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { Identity } from './certificates.ts';

/** A message that came in. */
export interface Arrival {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly message: Buffer;
  /** `TLSv1.3`; undefined without TLS. */
  readonly tls: string | undefined;
}

export interface MailSystem {
  readonly port: number;
  /** Everything that came in, oldest first. */
  readonly arrivals: readonly Arrival[];
  /** How often it was connected to, or heard MAIL on a connection that was kept. */
  readonly contacts: number;
  close(): Promise<void>;
}

export interface MailSystemSettings {
  /** Name in its greeting. */
  readonly name: string;
  readonly identity: Identity;
  /** Default: a free port on loopback. */
  readonly listen?: { readonly address: string; readonly port: number };
  hasMailbox(address: string): boolean;
  onArrival?(arrival: Arrival): void;
}

class Refusal extends Error {
  readonly responseCode: number;
  constructor(code: number, text: string) {
    super(text);
    this.responseCode = code;
  }
}

/** When it closes nobody is in the middle of anything; a relay that keeps a connection, or is gone without a word, is not waited for. */
const CLOSE_MS = 500;

export async function startMailSystem(settings: MailSystemSettings): Promise<MailSystem> {
  const arrivals: Arrival[] = [];
  let contacts = 0;
  const server = new SMTPServer({
    name: settings.name,
    key: settings.identity.key,
    cert: settings.identity.certificate,
    authOptional: true,
    closeTimeout: CLOSE_MS,
    // Where no DNS server answers it would wait for one before it greets.
    disableReverseLookup: true,
    disabledCommands: ['AUTH'],
    onConnect: (_session, done) => {
      contacts += 1;
      done();
    },
    onMailFrom: (_address, _session, done) => {
      contacts += 1;
      done();
    },
    onRcptTo: ({ address }, _session, done) => {
      done(settings.hasMailbox(address) ? null : new Refusal(550, '5.1.1 No mailbox here by that name'));
    },
    onData: (stream, session, done) => {
      stream.toArray().then(
        (chunks) => {
          const arrival = arrivalOf(session, Buffer.concat(chunks));
          arrivals.push(arrival);
          settings.onArrival?.(arrival);
          done(null, '2.0.0 Thank you');
        },
        (error) => done(error),
      );
    },
  });
  // A peer that hangs up in the middle is nothing a demo must end for.
  server.on('error', () => {});
  const { address, port } = settings.listen ?? { address: '127.0.0.1', port: 0 };
  server.listen(port, address);
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    arrivals,
    get contacts() {
      return contacts;
    },
    close: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    },
  };
}

function arrivalOf({ envelope, tlsOptions }: SMTPServerSession, message: Buffer): Arrival {
  return {
    reversePath: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
    forwardPaths: envelope.rcptTo.map(({ address }) => address),
    message,
    tls: tlsOptions === false ? undefined : tlsOptions.version,
  };
}
