/** The sending half of a mail system: conversations with the relay, and what is heard in them. */

import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { connect as connectTls, TLSSocket } from 'node:tls';
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
  /** Default: loopback. */
  readonly relayHost?: string;
}

/** On one machine every answer takes milliseconds; a relay that says nothing for so long will never. */
const PATIENCE_MS = 30_000;

/** A connection; its methods reject when the SMTP conversation breaks off. */
export class Conversation {
  #socket: Socket;
  #lines: Interface;
  #replies: AsyncIterator<string>;
  #extensions: readonly string[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface(socket);
    this.#replies = this.#lines[Symbol.asyncIterator]();
  }

  async greet({ name, identity }: Sender): Promise<void> {
    await this.#heard();
    await this.#hello(name);
    if (!this.#extensions.includes('STARTTLS')) return;
    await this.#say('STARTTLS');
    this.#lines.close();
    const { certificate: cert, key } = identity ?? {};
    // The relay's certificate is one that it made itself; senders on the internet do not look at it either.
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false, cert, key });
    await once(secure, 'secureConnect');
    this.#socket.setTimeout(0);
    this.#socket = impatient(secure);
    this.#lines = createInterface(secure);
    this.#replies = this.#lines[Symbol.asyncIterator]();
    await this.#hello(name);
  }

  async send(mail: Mail, forwardPaths: readonly string[], message: Buffer): Promise<Answer> {
    const tls = this.#socket instanceof TLSSocket ? (this.#socket.getProtocol() ?? undefined) : undefined;
    const refused = new Map<string, string>();
    const answer = (reply: string): Answer => ({ reply, refused, tls });
    const organization =
      mail.organization !== undefined && this.#extensions.includes('XOORG') ? ` XOORG=${mail.organization}` : '';
    const sender = await this.#say(`MAIL FROM:<${mail.reversePath}>${organization}`);
    if (!isGood(sender)) return answer(sender);
    let last = '';
    for (const path of forwardPaths) {
      last = await this.#say(`RCPT TO:<${path}>`);
      if (!isGood(last)) refused.set(path, last);
    }
    if (refused.size === forwardPaths.length) {
      await this.#say('RSET');
      return answer(last);
    }
    const content = await this.#say('DATA');
    if (!content.startsWith('354')) return answer(content);
    return answer(await this.#say(`${stuffed(message)}.`));
  }

  quit(): void {
    this.#socket.end('QUIT\r\n');
  }

  async #hello(name: string): Promise<void> {
    const lines = (await this.#say(`EHLO ${name}`)).split('\n').slice(1);
    this.#extensions = lines.map((line) => line.slice('250-'.length).split(' ')[0]?.toUpperCase() ?? '');
  }

  async #say(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`, 'latin1');
    return await this.#heard();
  }

  /** RFC 5321 §4.2.1: the last line of a reply has a space after its code. */
  async #heard(): Promise<string> {
    const lines: string[] = [];
    while (!/^\d{3}(?: |$)/.test(lines.at(-1) ?? '')) {
      const { done, value } = await this.#replies.next();
      if (done === true) throw this.#socket.errored ?? new Error('the connection was closed');
      lines.push(value);
    }
    return lines.join('\n');
  }
}

function isGood(reply: string): boolean {
  return reply.startsWith('2');
}

/** RFC 5321 §4.5.2: a line that begins with a dot gets another. Ends with a line end, as the final dot needs. */
function stuffed(message: Buffer): string {
  const text = message.toString('latin1').replaceAll(/^\./gm, '..');
  return text.endsWith('\r\n') ? text : `${text}\r\n`;
}

/** What breaks a conversation off is told by its next reply. */
function impatient(socket: Socket): Socket {
  socket.on('error', () => {});
  return socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('the relay says nothing')));
}

export async function connect(sender: Sender): Promise<Conversation> {
  const socket = connectSocket(sender.relayPort, sender.relayHost ?? '127.0.0.1');
  await once(socket, 'connect');
  const conversation = new Conversation(impatient(socket));
  await conversation.greet(sender);
  return conversation;
}

/** One connection, one transaction. */
export async function send(sender: Sender, mail: Mail, forwardPaths: readonly string[], message: Buffer) {
  const conversation = await connect(sender);
  const answer = await conversation.send(mail, forwardPaths, message);
  conversation.quit();
  return answer;
}
