/** One SMTP session of a sending mail system that knows, whenever it breaks off, whether the final dot had left. */

import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

export interface Mail {
  readonly reversePath: string;
  readonly forwardPath: string;
  readonly content: string;
  /** Milliseconds that its content takes: a sender on a slow line. */
  readonly overMs: number;
  /** MAIL, RCPT and DATA leave at once (RFC 2920). */
  readonly pipelined: boolean;
}

/** Between two transactions, when nobody was in the middle of anything. `told`: by 421, as a server does that shuts down. */
export interface Ended {
  readonly kind: 'ended';
  readonly told: boolean;
  readonly reason: string;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly code: number;
  readonly reply: string;
}

export type Sent =
  /** `leaving`: the same breath said 421. */
  | { readonly kind: 'accepted'; readonly leaving: boolean }
  | Refusal
  | { readonly kind: 'cut'; readonly afterDot: boolean; readonly reason: string }
  | Ended;

export interface SessionOptions {
  readonly host: string;
  readonly localAddress: string;
  /** From then on what is slow is sent at once. */
  readonly hurry?: AbortSignal;
}

/** A kernel asks again after 1, 3 and 7 s; whoever does not answer then is not there. */
const CONNECT_MS = 12_000;
/** RFC 5321 §4.5.3.2 asks for minutes; next hops answer at once here, and a test that waits for a dead node has no minutes. */
const REPLY_MS = 30_000;
/** Nothing depends on the answer to QUIT. */
const FAREWELL_MS = 3000;
/** So often something of a slow message is on its way. */
const SLICE_MS = 400;
/** RFC 5321 §3.8 with RFC 3463's "system not accepting network messages": what a drain says. */
const TOLD_TO_GO = /^421[ -]4\.3\.2/;
const IN_ORDER = [250, 250, 354];

export class Session {
  #socket: Socket;
  readonly #hurry: AbortSignal | undefined;
  #input = '';
  #closed: string | undefined;
  #wake: () => void = () => {};
  /** Of the certificate that was shown, SHA-256. */
  fingerprint = '';

  private constructor(socket: Socket, hurry: AbortSignal | undefined) {
    this.#socket = socket;
    this.#hurry = hurry;
    this.#listen(socket);
  }

  /** Greeted and encrypted. Rejects when it does not come so far; `reply` is what was said, if something was. */
  static async open({ host, localAddress, hurry }: SessionOptions): Promise<Session> {
    const socket = connectTcp({ host, port: 25, localAddress, noDelay: true });
    await happens(socket, 'connect');
    const session = new Session(socket, hurry);
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
    const ended = this.#ended();
    if (ended !== undefined) return ended;
    let afterDot = false;
    try {
      const refusal = await this.#begin(mail);
      if (refusal !== undefined) return refusal;
      const last = await this.#trickle(mail);
      if (this.#closed !== undefined) throw new Error(this.#closed);
      afterDot = true;
      this.#socket.write(`${last}\r\n.\r\n`);
      await this.#expect(250);
      return { kind: 'accepted', leaving: TOLD_TO_GO.test(this.#input) };
    } catch (error) {
      if (error instanceof Refused) return { kind: 'refused', code: error.code, reply: error.message };
      return { kind: 'cut', afterDot, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** What mail systems say between two messages to keep a session; undefined when it goes on. */
  async say(command: 'NOOP' | 'RSET'): Promise<Ended | Refusal | undefined> {
    const ended = this.#ended();
    if (ended !== undefined) return ended;
    try {
      await this.#say(command, 250);
      return undefined;
    } catch (error) {
      if (error instanceof Refused) return refusalOf(error);
      return { kind: 'ended', told: false, reason: error instanceof Error ? error.message : String(error) };
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
    await this.#say('QUIT', 221, FAREWELL_MS).catch(() => {});
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #ended(): Ended | undefined {
    if (this.#closed === undefined && this.#input === '') return undefined;
    const reason = this.#input.trim() || this.#closed || '';
    return { kind: 'ended', told: TOLD_TO_GO.test(reason), reason };
  }

  /** Up to the answer to DATA; undefined when the content may come. */
  async #begin({ reversePath, forwardPath, pipelined }: Mail): Promise<Refusal | Ended | undefined> {
    const lines = [`MAIL FROM:<${reversePath}>`, `RCPT TO:<${forwardPath}>`, 'DATA'];
    if (pipelined) this.#socket.write(lines.map((line) => `${line}\r\n`).join(''));
    let refusal: Refusal | Ended | undefined;
    for (const [index, line] of lines.entries()) {
      if (!pipelined) this.#socket.write(`${line}\r\n`);
      try {
        await this.#expect(IN_ORDER[index] ?? 0);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        // The first one is meant; that DATA has no recipients then is no news.
        const latest = refusalOf(error, index === 0);
        refusal ??= latest;
        // Whoever says that goes, whatever else was refused before.
        if (error.code === 421) return latest;
        if (!pipelined) return refusal;
      }
    }
    return refusal;
  }

  /** All but the last slice of the content, which is what it answers. */
  async #trickle({ content, overMs }: Mail): Promise<string> {
    const slices = Math.ceil(overMs / SLICE_MS);
    let sent = 0;
    for (let slice = 1; slice <= slices && this.#closed === undefined && this.#hurry?.aborted !== true; slice += 1) {
      const end = Math.floor((content.length * slice) / (slices + 1));
      this.#socket.write(content.slice(sent, end));
      sent = end;
      await wait(overMs / slices, undefined, { signal: this.#hurry }).catch(() => {});
    }
    return content.slice(sent);
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

  #say(line: string, code: number, patienceMs?: number): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    return this.#expect(code, patienceMs);
  }

  async #expect(code: number, patienceMs = REPLY_MS): Promise<void> {
    const deadline = Date.now() + patienceMs;
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
      const late = () => reject(new Error('no reply in time'));
      const timer = setTimeout(late, Math.max(0, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Before a transaction has begun, to be told to go is an end and no refusal. */
function refusalOf({ code, message }: Refused, atRest = true): Refusal | Ended {
  if (atRest && TOLD_TO_GO.test(message)) return { kind: 'ended', told: true, reason: message };
  return { kind: 'refused', code, reply: message };
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
