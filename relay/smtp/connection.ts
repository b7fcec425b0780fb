/** One client's connection: smtp-server's line reading and TLS upgrade around our own conversation, replies and time limits. */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import type { LimitsConfig } from '../core/config.ts';
import { type Reply, reply } from '../core/reply.ts';
import { ConnectedClient, describeTls, type Endpoints } from './client.ts';
import { ContentParser } from './content-parser.ts';
import { type Answer, Conversation, type Surroundings, VERBS } from './conversation.ts';
import type { FrontEvents, RefusedConnection } from './front-events.ts';
import { IncomingContent } from './incoming-content.ts';
import { formatReplyLines } from './reply-wire.ts';
import type { Sessions, SmtpSession } from './session.ts';

/** A handshake takes three round trips; a client that needs longer than a minute holds memory only. */
const HANDSHAKE_MS = 60_000;
const INTERNAL_ERROR = reply(421, '4.3.0', 'Internal error, try again later');
const IDLE_TOO_LONG = reply(421, '4.4.2', 'Timeout, closing connection');
const TOO_SLOW = reply(421, '4.4.2', 'Content comes too slowly, closing connection');
const TALKED_FIRST = reply(421, '4.7.0', 'Wait for the greeting before you send');
const PROXY_LINE = reply(421, '4.7.0', 'A PROXY line from this address, or at this point, is not taken');
const LINE_TOO_LONG = reply(421, '4.7.0', 'Command line too long');
const DRAINING = reply(421, '4.3.2', 'Server is shutting down, try again');

/** What all connections of a front share. */
export interface ConnectionOwner {
  readonly sessions: Sessions;
  readonly events: FrontEvents;
  /** Messages between their final dot and its answer. */
  readonly deliveries: { begin(): void; end(): void };
  hostname(): string;
  limits(): LimitsConfig;
  readonly surroundings: Omit<Surroundings, 'addressIsShared'>;
  /** Makes the next upgrade() use the right certificate and ask, or not, for the client's. */
  prepareTls(address: string): void;
  /** Limits per client do not hold for it from now on. May be called twice. */
  shared(connection: FrontConnection): void;
  closed(connection: FrontConnection): void;
}

export class FrontConnection extends SMTPConnection {
  readonly #owner: ConnectionOwner;
  readonly #client: ConnectedClient;
  #conversation: Conversation | undefined;
  #smtpSession: SmtpSession | undefined;
  #content: IncomingContent | undefined;
  #handshake: Socket | undefined;
  /** The socket whose silence is listened for. */
  #timed: Socket | undefined;
  #unsent = '';
  /** The session is being asked: the client waits for us. */
  #asking = false;
  #draining = false;
  #gone = false;
  /** The client has said QUIT: it has read every answer before it. */
  #politely = false;

  /** `named`: what a trusted load balancer says about whom it passes on. */
  constructor(server: SMTPServer, socket: Socket, id: string, owner: ConnectionOwner, named?: Endpoints) {
    super(server, socket, { id, ...named, remoteAddress: named?.address, remotePort: named?.port });
    this.#owner = owner;
    const { remoteAddress: address, remotePort: port, localAddress, localPort } = this;
    this.#client = new ConnectedClient(id, { address, port, localAddress, localPort });
  }

  /** Without the base class's 100 ms of waiting and its reverse DNS. */
  override init(): void {
    this._setListeners(() => undefined);
    // Two turns let the event loop read what has been sent before the greeting.
    setImmediate(() => setImmediate(() => this.#greet()));
  }

  #greet(): void {
    if (this.#gone || this._closing) return;
    const session = this.#draining ? DRAINING : this.#open();
    if ('code' in session) {
      return this.#turnAway(this.#draining ? 'draining' : 'session', session);
    }
    this.#smtpSession = session;
    this.#conversation = new Conversation(session, this.#client, {
      ...this.#owner.surroundings,
      addressIsShared: () => this.#owner.shared(this),
    });
    this.#write(reply(220, undefined, `${this.#owner.hostname()} ESMTP`));
  }

  #open(): SmtpSession | Reply {
    try {
      return this.#owner.sessions.open(this.#client);
    } catch (error) {
      return this.#broken(error);
    }
  }

  /** A broken promise of the session is temporary for the client. */
  #broken(error: unknown): Reply {
    this.#owner.events.failed?.(error);
    return INTERNAL_ERROR;
  }

  /** After the final dot nothing is cut; before it, only `cut` may. */
  drain(): void {
    this.#draining = true;
    this.#closeIfDrained();
  }

  /** The end of the time that transactions had to reach their final dot. */
  cut(): void {
    if (this._closing || this.#content?.isComplete === true) return;
    this.#closeWith(DRAINING);
  }

  destroy(): void {
    this.#handshake?.destroy();
    this._socket.destroy();
  }

  /** Called every `elapsed` milliseconds. */
  checkPace(now: number, elapsed: number): void {
    if (!this._closing && this.#content?.isTooSlow(now, elapsed) === true) this.#closeWith(TOO_SLOW);
  }

  /** Called by the base constructor: no field of this class exists yet. */
  override _createParser(): ContentParser {
    const parser = new ContentParser();
    parser.oncommand = (line, next) => this._onCommand(line, next);
    parser.on('error', () => this.#closeWith(LINE_TOO_LONG));
    return parser;
  }

  override _onCommand(line: Buffer, callback?: () => void): void {
    const next = (): void => this._whenWritable(callback ?? (() => undefined));
    const text = line.toString();
    const space = text.indexOf(' ');
    const verb = (space < 0 ? text : text.slice(0, space)).toUpperCase();
    // Answered line by line, a balancer's line would shift every reply to the command before its own.
    if (verb === 'PROXY') return this.#turnAway('proxyUntrusted', PROXY_LINE);
    if (this.#conversation === undefined) return this.#turnAway('earlyTalker', TALKED_FIRST);
    const argument = space < 0 ? '' : text.slice(space + 1).trim();
    const answer = this.#ask(this.#conversation, verb, argument);
    if (!(answer instanceof Promise)) return this.#carryOut(verb, answer, next);
    this.#asking = true;
    void answer.then((value) => {
      this.#asking = false;
      this.#carryOut(verb, value, next);
    });
  }

  #ask(conversation: Conversation, verb: string, argument: string): Answer | Promise<Answer> {
    try {
      return conversation.command(verb, argument);
    } catch (error) {
      return conversation.broken(error);
    }
  }

  #carryOut(verb: string, answer: Answer, next: () => void): void {
    this.#owner.events.command?.(VERBS.has(verb) ? verb : 'unknown', answer.reply.code);
    switch (answer.then) {
      case undefined:
        this.#write(answer.reply);
        this.#closeIfDrained();
        return next();
      case 'close':
        this.#politely = verb === 'QUIT';
        return this.#closeWith(answer.reply);
      case 'startTls':
        this.#write(answer.reply);
        return this.#startTls(next);
      case 'content':
        this.#receive(this.#conversation as Conversation).catch((error) => this.#closeWith(this.#broken(error)));
        this.#write(answer.reply);
        return next();
    }
  }

  async #receive(conversation: Conversation): Promise<void> {
    const { events, deliveries } = this.#owner;
    const parser = this._parser as ContentParser;
    const complete = Promise.withResolvers<void>();
    const content = new IncomingContent(this.#owner.limits(), performance.now(), () => {
      deliveries.begin();
      events.contentReceived?.(content.octets);
      complete.resolve();
    });
    this.#content = content;
    parser.startContent(content);
    try {
      const answer = await conversation.content(content, complete.promise);
      this.#content = undefined;
      events.command?.('content', answer.code);
      if (answer.code === 421) this.#closeWith(answer);
      else this.#write(answer);
      this.#closeIfDrained();
    } finally {
      deliveries.end();
    }
    this._whenWritable(() => parser.continue());
  }

  #startTls(next: () => void): void {
    this.#flush();
    try {
      this.#owner.prepareTls(this.#client.address);
    } catch (error) {
      // The client expects a handshake: no reply could reach it any more.
      this.#broken(error);
      return this.close();
    }
    // CVE-2011-0411: the base class drops what was pipelined behind STARTTLS, with the parser that holds it.
    this.upgrade(next, () => {
      const socket = this._socket as TLSSocket;
      socket.on('error', () => this.close());
      this.#handshake = undefined;
      this.#client.tls = describeTls(socket);
      this.#owner.events.tlsEstablished?.(this.#client.tls.version);
      this._armTimeout();
      this.#conversation?.forget();
      this.#closeIfDrained();
    });
  }

  #closeIfDrained(): void {
    if (!this.#draining || this._closing || this.#asking || this.#content !== undefined) return;
    if (this._upgrading) this.destroy();
    else if (this.#conversation?.inTransaction === false) this.#closeWith(DRAINING);
  }

  /** Replies to pipelined commands leave together, at the end of the turn. */
  #write(value: Reply): void {
    process.nextTick(() => this.#flush());
    this.#unsent += formatReplyLines(value);
  }

  #flush(): void {
    // A recipient pipelined behind its MAIL is being asked: both replies go in one write (RFC 2920 §3.2).
    if (this.#asking && !this._closing) return;
    const lines = this.#unsent;
    this.#unsent = '';
    // During a handshake the socket is still the one below TLS.
    const open = !this._upgrading && !this._closing && this._socket.writable;
    if (open && lines !== '') this._socket.write(lines, 'latin1');
  }

  #turnAway(reason: RefusedConnection, answer: Reply): void {
    this.#owner.events.connectionRefused?.(reason);
    this.#closeWith(answer);
  }

  #closeWith(value: Reply): void {
    this.#write(value);
    this.#flush();
    this.close();
  }

  override close(): void {
    super.close();
    this.#content?.clientLeft();
  }

  override _armTimeout(socket: Socket = this._socket): void {
    if (socket !== this._socket) this.#handshake = socket;
    socket.setTimeout(socket === this._socket ? this.#owner.limits().commandTimeoutSeconds * 1000 : HANDSHAKE_MS);
    if (this.#timed === socket) return;
    this.#timed = socket;
    socket.on('timeout', () => this._onTimeout());
  }

  override _onTimeout(): void {
    if (this._closing || this._upgrading) return this.destroy();
    if (this.#asking || this.#content?.isComplete === true || this.#content?.stream.isBehind === true) {
      return this._armTimeout();
    }
    this.#closeWith(IDLE_TOO_LONG);
  }

  override _onError(error: Error): void {
    if (this._upgrading && !this._closing) this.#owner.events.tlsFailed?.(error);
    this.close();
  }

  override _onClose(): void {
    const first = !this.#gone;
    this.#gone = true;
    super._onClose();
    if (!first) return;
    this.#content?.clientLeft();
    this.#owner.closed(this);
    try {
      this.#smtpSession?.closed(this.#politely);
    } catch (error) {
      this.#broken(error);
    }
  }
}
