/** The sending half of a mail system: conversations with the relay, and what is heard in them. */

import { once } from 'node:events';
import { TLSSocket } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Identity } from './certificates.ts';
import type { Mail } from './message.ts';

/** What one transaction came to. */
export interface Answer {
  /** To the whole: after the final dot, or of the last refused recipient when none was left. */
  readonly reply: string;
  /** Recipients that were refused, with what was said about them. */
  readonly refused: ReadonlyMap<string, string>;
  readonly tls: string | undefined;
}

export interface Sender {
  /** Name in its EHLO. */
  readonly name: string;
  /** Shown when the relay asks for a certificate. */
  readonly identity?: Identity | undefined;
  readonly relayPort: number;
}

/** A connection; its methods reject when the SMTP conversation breaks off. */
export interface Conversation {
  send(mail: Mail, forwardPaths: readonly string[], message: Buffer): Promise<Answer>;
  quit(): void;
}

/** On one machine every answer takes milliseconds; a relay that says nothing for so long will never. */
const PATIENCE_MS = 30_000;

export async function connect(sender: Sender): Promise<Conversation> {
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
  return {
    send: async (mail, forwardPaths, message) => {
      const sent = Promise.withResolvers<Answer>();
      connection.send({ from: mail.reversePath, to: [...forwardPaths] }, message, (error, info) => {
        // With recipients left, an error is about the whole message.
        const errors = error === null ? info?.rejectedErrors : error.rejectedErrors;
        const refused = new Map(errors?.map(({ recipient, response }) => [recipient ?? '', response ?? '']));
        sent.resolve({ reply: error?.response ?? info?.response ?? String(error), refused, tls });
      });
      return await Promise.race([sent.promise, failed]);
    },
    quit: () => connection.quit(),
  };
}

/** One connection, one transaction. */
export async function send(sender: Sender, mail: Mail, forwardPaths: readonly string[], message: Buffer) {
  const conversation = await connect(sender);
  const answer = await conversation.send(mail, forwardPaths, message);
  conversation.quit();
  return answer;
}
