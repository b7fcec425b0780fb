/** One SMTP session of a sending mail system that knows, whenever it breaks off, whether the final dot had left. */

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Mail {
  readonly reversePath: string;
  readonly forwardPath: string;
  readonly content: string;
  /** Milliseconds between the halves of its content: a sender on a slow line. */
  readonly pauseMs: number;
}

export type Sent =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly code: number; readonly reply: string }
  | { readonly kind: 'cut'; readonly afterDot: boolean; readonly reason: string }
  /** Before the transaction had begun: nobody was in the middle of anything. */
  | { readonly kind: 'idle'; readonly reason: string };

export interface SessionOptions {
  readonly host: string;
  readonly localAddress: string;
}

/** A kernel asks again after 1, 3 and 7 s; whoever does not answer then is not there. */
const CONNECT_MS = 12_000;
/** RFC 5321 §4.5.3.2 asks for minutes; next hops answer at once here, and a test that waits for a dead node has no minutes. */
const REPLY_MS = 30_000;

export class Session {
  #socket: Socket;
  #input = '';
  #closed: string | undefined;
  #wake: () => void = () => {};
  /** Of the certificate that was shown, SHA-256. */
  fingerprint = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Greeted and encrypted. Rejects when it does not come so far; `reply` is what was said, if something was. */
  static async open({ host, localAddress }: SessionOptions): Promise<Session> {
    const socket = connectTcp({ host, port: 25, localAddress, noDelay: true });
    await happens(socket, 'connect');
    const session = new Session(socket);
    try {
      await session.#expect(220);
      await session.#say('EHLO load.example', 250);
      await session.#say('STARTTLS', 220);
      await session.#encrypt();
      await session.#say('EHLO load.example', 250);
      return session;
    } catch (cause) {
      session.#socket.destroy();
      throw cause;
    }
  }

  async send(mail: Mail): Promise<Sent> {
    if (this.#closed !== undefined || this.#input !== '') {
      return { kind: 'idle', reason: this.#input.trim() || this.#closed || '' };
    }
    let afterDot = false;
    try {
      await this.#say(`MAIL FROM:<${mail.reversePath}>`, 250);
      await this.#say(`RCPT TO:<${mail.forwardPath}>`, 250);
      await this.#say('DATA', 354);
      const half = mail.content.length >> 1;
      this.#socket.write(mail.content.slice(0, half));
      if (mail.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, mail.pauseMs));
      if (this.#closed !== undefined) throw new Error(this.#closed);
      afterDot = true;
      this.#socket.write(`${mail.content.slice(half)}\r\n.\r\n`);
      await this.#expect(250);
      return { kind: 'accepted' };
    } catch (error) {
      if (error instanceof Refused) return { kind: 'refused', code: error.code, reply: error.message };
      return { kind: 'cut', afterDot, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Whether a refused transaction leaves a session that goes on. */
  async reset(): Promise<boolean> {
    return await this.#say('RSET', 250).then(
      () => true,
      () => false,
    );
  }

  async quit(): Promise<void> {
    await this.#say('QUIT', 221).catch(() => {});
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #encrypt(): Promise<void> {
    for (const event of ['data', 'close', 'error']) this.#socket.removeAllListeners(event);
    // As senders on the internet do it: encrypted to whoever is there.
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await happens(secure, 'secureConnect');
    this.#socket = secure;
    this.fingerprint = secure.getPeerX509Certificate()?.fingerprint256 ?? '';
    this.#listen(secure);
  }

  #listen(socket: Socket): void {
    let failure = 'closed';
    socket.on('data', (bytes: Buffer) => {
      this.#input += bytes.toString('latin1');
      this.#wake();
    });
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('close', () => {
      this.#closed = failure;
      this.#wake();
    });
  }

  #say(line: string, code: number): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    return this.#expect(code);
  }

  async #expect(code: number): Promise<void> {
    const deadline = Date.now() + REPLY_MS;
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(this.#input);
      if (match !== null) {
        this.#input = this.#input.slice(match[0].length);
        if (Number(match[1]) === code) return;
        throw new Refused(Number(match[1]), match[0].trim());
      }
      if (this.#closed !== undefined) throw new Error(this.#closed);
      await this.#more(deadline);
    }
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no reply within ${REPLY_MS / 1000} s`));
      const timer = setTimeout(late, Math.max(0, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The server has answered, and not what was hoped for. */
export class Refused extends Error {
  readonly code: number;
  constructor(code: number, reply: string) {
    super(reply);
    this.code = code;
  }
}

function happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => socket.destroy(new Error(`${event}: nothing within ${CONNECT_MS / 1000} s`));
    const timer = setTimeout(late, CONNECT_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    socket.once('error', (error) => settle(() => reject(error)));
    socket.once('close', () => settle(() => reject(new Error(`closed before ${event}`))));
    socket.once(event, () => {
      for (const other of ['error', 'close']) socket.removeAllListeners(other);
      settle(resolve);
    });
  });
}
