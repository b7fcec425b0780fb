/**
 * The connections of one route: used again, never more than its limit, handed to those who wait in the order they
 * came.
 */

import type { Refusal, Stage } from '../core/delivery.ts';
import { isSuccess, type Reply, reply } from '../core/reply.ts';
import type { Connection, Holder } from './connection.ts';
import type { Durations } from './durations.ts';
import type { Opened } from './handshake.ts';
import { decided } from './refusal.ts';
import { Throttle } from './throttle.ts';

/** What Postfix opens to one destination at most (default_destination_concurrency_limit): next hops are used to it. */
export const DEFAULT_CONNECTIONS = 20;

export interface PoolLimits {
  readonly connections?: number | undefined;
  readonly messagesPerMinute?: number | undefined;
}

export interface PoolCounts {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

/** undefined: there is room for a new connection. */
type Grant = Connection | Refusal | undefined;

interface Waiter {
  readonly settle: (grant: Grant) => void;
  readonly timer: NodeJS.Timeout;
}

const BUSY = reply(451, '4.4.5', 'The next mail system is busy, please try again later');

export class Pool implements Holder {
  /** Its route is not in force any more: nothing new begins here. */
  retired = false;
  readonly #connect: (until: number) => Promise<Opened>;
  readonly #onEmpty: () => void;
  readonly #durations: Durations;
  readonly #limit: number;
  readonly #throttle: Throttle;
  /** Connections that stand or are being made. */
  #open = 0;
  readonly #idle: Connection[] = [];
  readonly #waiters = new Set<Waiter>();
  /** Open claims that wait for their client, the longest waiting first, with the time since when. */
  readonly #resting = new Map<Connection, number>();
  #leaving = 0;
  #isAvoided: (connection: Connection) => boolean = () => false;
  #alarm: NodeJS.Timeout | undefined;

  constructor(
    limits: PoolLimits,
    durations: Durations,
    connect: (until: number) => Promise<Opened>,
    onEmpty: () => void,
  ) {
    this.#limit = limits.connections ?? DEFAULT_CONNECTIONS;
    this.#throttle = new Throttle(limits.messagesPerMinute, durations);
    this.#durations = durations;
    this.#connect = connect;
    this.#onEmpty = onEmpty;
  }

  /** A refusal when this message is one too many for the rate that was set. */
  admit(): Refusal | undefined {
    return this.#throttle.admit()
      ? undefined
      : decided('connect', BUSY, 'limits.messagesPerMinute of the next hop is reached');
  }

  /** A connection on which MAIL may be said, waiting for `patience` milliseconds at most and never past `until`. */
  async acquire(patience: number, until: number): Promise<Opened> {
    let grant: Grant;
    const idle = this.#waiters.size === 0 && this.#throttle.pauseLeft === 0;
    if (idle && this.#idle.length > 0) {
      grant = this.#popIdle();
    } else if (idle && this.#open < this.#limit) {
      this.#open += 1;
    } else {
      grant = await this.#wait(Math.min(patience, until - performance.now()));
    }
    if (grant === undefined) return this.#fresh(until);
    return 'cause' in grant ? { ok: false, refusal: grant } : { ok: true, connection: grant };
  }

  /** The connection stands between transactions and may be used by anybody. */
  giveBack(connection: Connection): void {
    if (connection.lostCause !== undefined) return;
    const used = connection.transactions >= (connection.extensions.transactionLimit ?? Infinity);
    if (
      this.retired ||
      used ||
      this.#isAvoided(connection) ||
      performance.now() - connection.openedAt > this.#durations.age
    ) {
      connection.quit();
      return;
    }
    this.#idle.push(connection);
    connection.rest(this, this.#durations.idle);
    this.#pump();
  }

  /** Connections of this kind are not used again. */
  avoid(isAvoided: (connection: Connection) => boolean): void {
    this.#isAvoided = isAvoided;
    for (const connection of this.#idle.splice(0)) {
      if (isAvoided(connection)) connection.quit();
      else this.#idle.push(connection);
    }
  }

  /** Ends the connection's open transaction first. */
  async reset(connection: Connection): Promise<void> {
    if (this.retired) return connection.quit();
    this.#leaving += 1;
    const { command } = this.#durations;
    const [answer] = await connection.ask('RSET\r\n', 1, command, Infinity);
    this.#leaving -= 1;
    if (answer !== undefined && isSuccess(answer)) this.giveBack(connection);
    else connection.quit();
  }

  /** `holder` keeps its transaction open while its client thinks; it may be hurried when others wait. */
  rest(connection: Connection, holder: Holder): void {
    this.#resting.set(connection, performance.now());
    connection.rest(holder, this.#durations.claim);
    if (this.#waiters.size > 0) this.#hurry();
  }

  take(connection: Connection): void {
    this.#resting.delete(connection);
    connection.take();
  }

  heard(answer: Reply, stage: Stage): void {
    this.#throttle.heard(answer, stage);
  }

  delivered(): void {
    this.#throttle.delivered();
  }

  retire(): void {
    this.retired = true;
    clearTimeout(this.#alarm);
    for (const waiter of [...this.#waiters]) {
      this.#dismiss(waiter, decided('connect', BUSY, 'the configuration of this next hop changed'));
    }
    for (const connection of [...this.#idle]) connection.quit();
  }

  /** Lets the open claims go as well. */
  end(): void {
    this.retire();
    for (const connection of [...this.#resting.keys()]) connection.hurry();
  }

  get isEmpty(): boolean {
    return this.#open === 0 && this.#waiters.size === 0;
  }

  get counts(): PoolCounts {
    return { open: this.#open, idle: this.#idle.length, waiting: this.#waiters.size };
  }

  rested(connection: Connection): void {
    connection.quit();
  }

  lost(connection: Connection): void {
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  #popIdle(): Connection {
    const connection = this.#idle.pop() as Connection;
    connection.take();
    return connection;
  }

  async #fresh(until: number): Promise<Opened> {
    let opened: Opened;
    try {
      opened = await this.#connect(until);
    } catch (cause) {
      this.#freed();
      throw cause;
    }
    if (!opened.ok) {
      if (opened.refusal.reply !== undefined) this.heard(opened.refusal.reply, opened.refusal.stage);
      this.#freed();
    } else if (opened.connection.lostCause === undefined) {
      opened.connection.closed = (connection) => {
        this.#resting.delete(connection);
        this.#freed();
      };
    } else {
      this.#freed();
    }
    return opened;
  }

  #freed(): void {
    this.#open -= 1;
    this.#pump();
    if (this.isEmpty) this.#onEmpty();
  }

  #wait(milliseconds: number): Promise<Grant> {
    return new Promise((resolve) => {
      const refusal = () =>
        decided('connect', BUSY, `no free connection: ${this.#limit} are in use, or it asked for a pause`);
      const timer = setTimeout(() => this.#dismiss(waiter, refusal()), Math.max(1, milliseconds));
      const waiter: Waiter = { settle: resolve, timer };
      this.#waiters.add(waiter);
      this.#pump();
    });
  }

  #dismiss(waiter: Waiter, grant: Grant): void {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
    waiter.settle(grant);
  }

  #pump(): void {
    if (this.#waiters.size === 0) return;
    const pause = this.#throttle.pauseLeft;
    if (pause > 0) {
      this.#wakeIn(pause);
      return;
    }
    for (const waiter of this.#waiters) {
      if (this.#idle.length > 0) {
        this.#dismiss(waiter, this.#popIdle());
      } else if (this.#open < this.#limit) {
        this.#open += 1;
        this.#dismiss(waiter, undefined);
      } else {
        this.#hurry();
        return;
      }
    }
  }

  /** A claim may be let go at any time before DATA: the slowest clients do not keep connections from the others. */
  #hurry(): void {
    const now = performance.now();
    for (const [connection, since] of this.#resting) {
      if (this.#leaving >= this.#waiters.size) return;
      const left = since + this.#durations.yield - now;
      if (left > 0) {
        this.#wakeIn(left);
        return;
      }
      this.#resting.delete(connection);
      connection.hurry();
    }
  }

  #wakeIn(milliseconds: number): void {
    if (this.#alarm !== undefined || this.retired) return;
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined;
      this.#pump();
    }, Math.ceil(milliseconds));
  }
}
