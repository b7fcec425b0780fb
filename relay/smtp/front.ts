/** The receiving front: listens, keeps every client within its limits, asks the sessions, and drains without cutting a delivery. */

import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { LimitsConfig, ProxyProtocolConfig } from '../core/config.ts';
import { type Reply, reply } from '../core/reply.ts';
import type { ServerTls } from '../tls/server-context.ts';
import { type ConnectionOwner, FrontConnection } from './connection.ts';
import type { Endpoints } from './client.ts';
import type { Surroundings } from './conversation.ts';
import { DeliveryCount } from './delivery-count.ts';
import type { FrontEvents, RefusedConnection } from './front-events.ts';
import { clientKey } from '../core/network.ts';
import { OpenConnections } from './limits.ts';
import { ConnectionHost } from './listener.ts';
import { ProxyGate } from './proxy-gate.ts';
import { formatReplyLines } from './reply-wire.ts';
import type { Sessions } from './session.ts';

export interface FrontOptions {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly sessions: Sessions;
  /** Asked for every greeting: a changed configuration is heard by the next client. */
  hostname(): string;
  limits(): LimitsConfig;
  /** Left out or undefined: nobody's PROXY line is believed. */
  proxyProtocol?(): ProxyProtocolConfig | undefined;
  readonly tls?: ServerTls;
  readonly events?: FrontEvents;
}

export interface DrainOptions {
  /** How long new connections are still taken. */
  readonly lameDuckSeconds: number;
  /** How long transactions then have to reach their final dot. */
  readonly drainSeconds: number;
}

export interface Front {
  /** In the order of `listen`, with the ports that were really taken. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  connections(): number;
  /** Resolves when every connection is gone and every message past its final dot has its answer. */
  drain(options: DrainOptions): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/** Cloud balancers drop flows that are silent for four minutes. */
const KEEP_ALIVE_MS = 30_000;
/** How often uploads are checked for their pace. */
const PACE_MS = 1000;
/** A refused client has this long to close its side. */
const LINGER_MS = 5000;

const TOO_MANY = reply(421, '4.3.2', 'Too many connections, try again later');
const TOO_MANY_OF_CLIENT = reply(421, '4.7.0', 'Too many connections from your address, try again later');

/** Rejects when an address cannot be listened on; then none is. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const front = new SmtpFront(options);
  await front.listen();
  return front;
}

class SmtpFront implements Front, ConnectionOwner {
  readonly sessions: Sessions;
  readonly events: FrontEvents;
  readonly deliveries = new DeliveryCount();
  readonly surroundings: Omit<Surroundings, 'addressIsShared'> = {
    hostname: () => this.hostname(),
    limits: () => this.limits(),
    hasCertificate: () => this.#options.tls?.current() !== undefined,
    failed: (error) => this.events.failed?.(error),
  };
  readonly addresses: { host: string; port: number }[] = [];
  readonly #options: FrontOptions;
  readonly #host = new ConnectionHost();
  readonly #servers: Server[] = [];
  readonly #open = new Set<FrontConnection>();
  readonly #counts = new OpenConnections();
  /** Those that no longer count as their address's. */
  readonly #shared = new WeakSet<FrontConnection>();
  readonly #gate: ProxyGate;
  readonly #pace: NodeJS.Timeout;
  readonly #idPrefix = randomBytes(4).readUInt32BE().toString(36).toUpperCase().padStart(7, '0');
  #nextId = 0;
  #draining = false;
  #whenEmpty: (() => void) | undefined;
  #endLameDuck: (() => void) | undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.sessions = options.sessions;
    this.events = options.events ?? {};
    this.#gate = new ProxyGate(() => options.proxyProtocol?.(), {
      admit: (socket, named, balancer) => this.#admit(socket, named, balancer),
      refuse: (socket, reason, answer) => this.#refuse(socket, reason, answer),
      left: () => this.#checkEmpty(),
    });
    this.#pace = setInterval(() => this.#checkPace(), PACE_MS);
    this.#pace.unref();
  }

  async listen(): Promise<void> {
    try {
      for (const { host, port } of this.#options.listen) {
        // Without allowHalfOpen: a client that shuts its sending side before the answer has given up, and is gone.
        const server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
        server.on('connection', (socket) => this.#accept(socket));
        this.#servers.push(server);
        const listening = Promise.withResolvers<void>();
        server.once('error', listening.reject);
        server.listen({ host, port }, listening.resolve);
        await listening.promise;
        server.off('error', listening.reject);
        server.on('error', (error) => this.events.failed?.(error));
        this.addresses.push({ host, port: (server.address() as AddressInfo).port });
      }
    } catch (cause) {
      await this.close();
      throw cause;
    }
  }

  hostname(): string {
    return this.#options.hostname();
  }

  limits(): LimitsConfig {
    return this.#options.limits();
  }

  connections(): number {
    return this.#counts.total + this.#gate.waiting;
  }

  prepareTls(address: string): void {
    const contexts = this.#options.tls?.current();
    if (contexts === undefined) throw new Error('STARTTLS was accepted without a certificate');
    const ask = this.sessions.wantsCertificate(address);
    this.#host.prepareTls(ask ? contexts.asking : contexts.plain, ask);
  }

  shared(connection: FrontConnection): void {
    if (this.#shared.has(connection)) return;
    this.#shared.add(connection);
    this.#counts.release(clientKey(connection.remoteAddress));
  }

  closed(connection: FrontConnection): void {
    this.#open.delete(connection);
    this.#counts.remove(this.#shared.has(connection) ? undefined : clientKey(connection.remoteAddress));
    this.events.connectionClosed?.();
    this.#checkEmpty();
  }

  async drain(options: DrainOptions): Promise<void> {
    await this.#lameDuck(options.lameDuckSeconds);
    for (const server of this.#servers) server.close();
    this.#draining = true;
    for (const connection of this.#open) connection.drain();
    const empty = this.#emptied();
    const cut = setTimeout(() => this.#cut(), options.drainSeconds * 1000);
    await empty;
    clearTimeout(cut);
    await this.deliveries.none();
    await this.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#pace);
    this.#endLameDuck?.();
    const closing = this.#servers.map(
      (server) => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    );
    this.#gate.destroy();
    for (const connection of this.#open) connection.destroy();
    await Promise.all([...closing, this.#emptied()]);
  }

  #cut(): void {
    this.#gate.destroy();
    for (const connection of this.#open) connection.cut();
  }

  #emptied(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise((resolve) => {
      const others = this.#whenEmpty;
      this.#whenEmpty = () => {
        others?.();
        resolve();
      };
    });
  }

  #isEmpty(): boolean {
    return this.#open.size === 0 && this.#gate.waiting === 0;
  }

  #checkEmpty(): void {
    if (this.#isEmpty()) this.#whenEmpty?.();
  }

  #accept(socket: Socket): void {
    // Gone before it was accepted.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    if (this.connections() >= this.limits().connections) return this.#refuse(socket, 'connections', TOO_MANY);
    this.#gate.enter(socket, socket.remoteAddress);
  }

  #admit(socket: Socket, named: Endpoints | undefined, balancer: boolean): void {
    const id = `${this.#idPrefix}${(this.#nextId++).toString(36).toUpperCase().padStart(5, '0')}`;
    const connection = new FrontConnection(this.#host, socket, id, this, named);
    const key = clientKey(connection.remoteAddress);
    if (!balancer && this.#counts.of(key) >= this.limits().connectionsPerClient) {
      this.#refuse(socket, 'connectionsPerClient', TOO_MANY_OF_CLIENT);
      return this.#checkEmpty();
    }
    this.#counts.add(key);
    this.#open.add(connection);
    if (balancer) this.shared(connection);
    this.events.connectionOpened?.();
    connection.init();
    if (this.#draining) connection.drain();
  }

  #refuse(socket: Socket, reason: RefusedConnection, answer: Reply): void {
    this.events.connectionRefused?.(reason);
    socket.on('error', () => undefined);
    socket.setTimeout(LINGER_MS, () => socket.destroy());
    socket.resume();
    socket.end(formatReplyLines(answer));
  }

  #checkPace(): void {
    const now = performance.now();
    for (const connection of this.#open) connection.checkPace(now, PACE_MS);
  }

  #lameDuck(seconds: number): Promise<void> {
    if (seconds <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#endLameDuck = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
