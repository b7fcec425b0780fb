/** One connection to a next hop: groups of commands out in one write, replies in, one timer, and a clear end. */

import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { NextHopConnection } from '../core/delivery.ts';
import type { Reply } from '../core/reply.ts';
import { type Extensions, NO_EXTENSIONS } from './extensions.ts';
import { Patience } from './patience.ts';
import { ReplyReader } from './reply-reader.ts';

const NON_ASCII = /[^\u0000-\u007f]/;

/** Who keeps a connection while nothing is asked of it. */
export interface Holder {
  /** The time given to rest() is over. */
  rested(connection: Connection): void;
  /** It is gone, or spoke without being asked; not called after take(). */
  lost(connection: Connection): void;
}

export class Connection {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly openedAt = performance.now();
  extensions: Extensions = NO_EXTENSIONS;
  tls: NextHopConnection['tls'];
  /** MAIL commands so far. */
  transactions = 0;
  /** Called once, when the connection is gone for whatever reason. */
  closed: ((connection: Connection) => void) | undefined;
  #socket: Socket;
  #reader = new ReplyReader();
  #lost: string | undefined;
  #holder: Holder | undefined;
  #answers: Reply[] = [];
  #wanted = 0;
  /** For each reply of the group. */
  #milliseconds = 0;
  #until = Infinity;
  #settle: ((answers: readonly Reply[]) => void) | undefined;
  /** Between 354 and the final dot: a reply now ends the transaction early. */
  #sending = false;
  #early: Reply | undefined;
  #drained: (() => void) | undefined;
  #listening = false;
  readonly #patience = new Patience(() => this.#outOfPatience());

  constructor(socket: Socket, host: string, address: string, port: number) {
    this.#socket = socket;
    this.host = host;
    this.address = address;
    this.port = port;
    this.#attach(socket);
  }

  /** Why it is gone; undefined while it is not. */
  get lostCause(): string | undefined {
    return this.#lost;
  }

  /** What the next hop said while the content was still on its way. */
  get earlyReply(): Reply | undefined {
    return this.#early;
  }

  describe(): NextHopConnection {
    return { host: this.host, address: this.address, port: this.port, tls: this.tls };
  }

  /**
   * Writes `commands` at once and gives the `wanted` replies; fewer when the connection was lost or the next hop said
   * 421.
   * `milliseconds` for each reply, none after `until`. An empty string waits for what comes unasked: the greeting.
   */
  ask(commands: string, wanted: number, milliseconds: number, until: number): Promise<readonly Reply[]> {
    if (this.#lost !== undefined) return Promise.resolve([]);
    // RFC 6531 §3.7.1: paths may be UTF-8; ASCII has a faster way through Node.
    if (commands !== '') this.#socket.write(commands, NON_ASCII.test(commands) ? 'utf8' : 'latin1');
    return this.#await(wanted, milliseconds, until);
  }

  /** The content begins; until finish() nothing is asked. */
  beginContent(): void {
    this.#sending = true;
  }

  /** Whether there is room for more at once. */
  write(pieces: readonly Uint8Array[], milliseconds: number, until: number): boolean {
    this.#patience.set(milliseconds, until);
    return this.#writeAll(pieces);
  }

  /** Resolves when there is room again, or when there is no point any more: look at lostCause and earlyReply. */
  drained(): Promise<void> {
    if (this.#lost !== undefined || this.#early !== undefined || !this.#socket.writableNeedDrain)
      return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Writes the last of the content with its final dot and gives the reply to it. */
  finish(pieces: readonly Uint8Array[], milliseconds: number): Promise<readonly Reply[]> {
    this.#sending = false;
    if (this.#lost !== undefined) return Promise.resolve([]);
    this.#writeAll(pieces);
    return this.#await(1, milliseconds, Infinity);
  }

  /** Nothing is asked for `milliseconds`; then the holder is told. */
  rest(holder: Holder, milliseconds: number): void {
    this.#holder = holder;
    if (this.#lost === undefined) this.#patience.set(milliseconds);
    else this.#tellHolder();
  }

  /** The holder takes it up again. */
  take(): void {
    this.#holder = undefined;
  }

  /** Tells the holder that its time is over. */
  hurry(): void {
    this.#holder?.rested(this);
  }

  /**
   * TLS from the next octet on. The value is undefined when it stands, else why not; the connection is then gone.
   * `keepSession` hears only of sessions of a handshake that succeeded.
   */
  secure(
    options: ConnectionOptions,
    milliseconds: number,
    until: number,
    keepSession: (session: Buffer) => void,
  ): Promise<string | undefined> {
    // Response injection (CVE-2011-0411 from the other side): what came in clear text behind the reply to STARTTLS is
    // an attacker's.
    if (this.#reader.hasRest) this.lose('it sent more behind its reply to STARTTLS: response injection');
    if (this.#lost !== undefined) return Promise.resolve(this.#lost);
    this.#patience.set(milliseconds, until);
    const clear = this.#socket;
    clear.off('data', this.#received);
    this.#listening = false;
    const secured: TLSSocket = connectTls({ ...options, socket: clear });
    this.#socket = secured;
    this.#attach(secured);
    let early: Buffer | undefined;
    secured.on('session', (session) => {
      if (this.tls === undefined) early = session;
      else keepSession(session);
    });
    return new Promise((resolve) => {
      this.#settle = () => resolve(this.#lost);
      secured.once('secureConnect', () => {
        this.tls = {
          version: secured.getProtocol() ?? 'unknown',
          cipher: secured.getCipher().standardName,
          verified: options.rejectUnauthorized === true,
        };
        if (early !== undefined) keepSession(early);
        this.#answer();
      });
    });
  }

  /** Says goodbye and does not wait for the answer. */
  quit(): void {
    if (this.#lost !== undefined) return;
    this.#socket.end('QUIT\r\n');
    this.#forget('closed by this relay');
    // RFC 5321 §4.1.1.10 wants the reply awaited; nothing hangs on it, and a peer that never answers must not keep
    // the socket.
    this.#socket.setTimeout(5_000, () => this.#socket.destroy());
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.resume();
  }

  lose(cause: string): void {
    if (this.#lost !== undefined) return;
    this.#socket.destroy();
    this.#forget(cause);
  }

  /** What a socket under TLS still has to say is said by TLS. */
  #attach(socket: Socket): void {
    const lose = (cause: string) => {
      if (socket === this.#socket) this.lose(cause);
    };
    socket.on('drain', () => this.#wake());
    socket.on('error', (error) => lose(`connection lost: ${error.message}`));
    socket.on('end', () => lose('it closed the connection'));
    socket.on('close', () => lose('the connection was closed'));
  }

  #await(wanted: number, milliseconds: number, until: number): Promise<readonly Reply[]> {
    if (this.#settle !== undefined)
      throw new Error('a next hop was asked while its answer to something else is awaited');
    // Not before the first question: what comes between the end of a TLS handshake and our asking for it must wait.
    if (!this.#listening) this.#socket.on('data', this.#received);
    this.#listening = true;
    this.#answers = [];
    this.#wanted = wanted;
    this.#milliseconds = milliseconds;
    this.#until = until;
    this.#patience.set(milliseconds, until);
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  #writeAll(pieces: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (pieces.length === 1) return socket.write(pieces[0] as Uint8Array);
    socket.cork();
    let room = true;
    for (const piece of pieces) room = socket.write(piece);
    socket.uncork();
    return room && !socket.writableNeedDrain;
  }

  #received = (chunk: Buffer): void => {
    const reader = this.#reader;
    reader.push(chunk);
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) {
      this.#heard(reply);
      if (this.#lost !== undefined) return;
    }
    if (reader.broken !== undefined) this.lose(reader.broken);
  };

  #heard(reply: Reply): void {
    if (this.#sending && this.#early === undefined) {
      this.#early = reply;
      this.#wake();
      return;
    }
    if (this.#settle === undefined) {
      this.lose(`it said ${reply.code} without being asked`);
      return;
    }
    this.#answers.push(reply);
    // RFC 5321 §3.8: 421 may answer anything, and the next hop closes.
    if (reply.code === 421) this.lose('it said 421');
    else if (this.#answers.length === this.#wanted) this.#answer();
    else this.#patience.set(this.#milliseconds, this.#until);
  }

  #answer(): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(this.#answers);
  }

  #wake(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  #forget(cause: string): void {
    this.#lost = cause;
    this.#patience.clear();
    this.#answer();
    this.#wake();
    const { closed } = this;
    this.closed = undefined;
    closed?.(this);
    this.#tellHolder();
  }

  #tellHolder(): void {
    const holder = this.#holder;
    this.#holder = undefined;
    holder?.lost(this);
  }

  #outOfPatience(): void {
    const holder = this.#holder;
    if (holder === undefined) this.lose('it did not answer in time');
    else holder.rested(this);
  }
}
