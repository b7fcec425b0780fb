/** A small mail system on loopback: takes mail for its mailboxes, keeps it, and sends mail by way of the relay. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
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

/** A message as its author writes it. */
export interface Mail {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly cc?: string;
  readonly subject: string;
  readonly text: string;
}

/** What one transaction came to. */
export interface Answer {
  /** To the whole: after the final dot, or of the last refused recipient when none was left. */
  readonly reply: string;
  /** Recipients that were refused, with what was said about them. */
  readonly refused: ReadonlyMap<string, string>;
  readonly tls: string | undefined;
}

export interface MailSystem {
  readonly port: number;
  /** Everything that came in, oldest first. */
  readonly arrivals: readonly Arrival[];
  close(): Promise<void>;
}

export interface MailSystemSettings {
  /** Name in its greeting. */
  readonly name: string;
  readonly identity: Identity;
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

export async function startMailSystem(settings: MailSystemSettings): Promise<MailSystem> {
  const arrivals: Arrival[] = [];
  const server = new SMTPServer({
    name: settings.name,
    key: settings.identity.key,
    cert: settings.identity.certificate,
    authOptional: true,
    disabledCommands: ['AUTH'],
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
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    arrivals,
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

/** The message with its header section, CRLF throughout. */
export async function compose(mail: Mail): Promise<Buffer> {
  const { from, to, cc, subject, text } = mail;
  return await new MailComposer({ from, to, cc, subject, text, newline: 'win' }).compile().build();
}

export interface Sender {
  /** Name in its EHLO. */
  readonly name: string;
  /** Shown when the relay asks for a certificate. */
  readonly identity?: Identity;
  readonly relayPort: number;
}

/** On one machine every answer takes milliseconds; a relay that says nothing for so long will never. */
const PATIENCE_MS = 30_000;

/** One connection, one transaction. Rejects only when there was no SMTP conversation at all. */
export async function send(sender: Sender, mail: Mail, forwardPaths: readonly string[], message: Buffer) {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port: sender.relayPort,
    name: sender.name,
    socketTimeout: PATIENCE_MS,
    // The relay's certificate is one that it made itself; senders on the internet do not look at it either.
    tls: { rejectUnauthorized: false, cert: sender.identity?.certificate, key: sender.identity?.key },
  });
  const failed = once(connection, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const connected = Promise.withResolvers<void>();
  connection.connect(() => connected.resolve());
  await Promise.race([connected.promise, failed]);
  const tls = connection._socket instanceof TLSSocket ? (connection._socket.getProtocol() ?? undefined) : undefined;
  const sent = Promise.withResolvers<Answer>();
  connection.send({ from: mail.reversePath, to: [...forwardPaths] }, message, (error, info) => {
    const errors = error === null ? info?.rejectedErrors : (error.rejectedErrors ?? [error]);
    const refused = new Map(errors?.map(({ recipient, response }) => [recipient ?? '', response ?? '']));
    sent.resolve({ reply: error?.response ?? info?.response ?? String(error), refused, tls });
  });
  const answer = await Promise.race([sent.promise, failed]);
  connection.quit();
  return answer;
}
