/** One leader at a time, by a Lease; who has lost it, or cannot know whether it has, is told before anybody else leads. */

import { isDeepStrictEqual } from 'node:util';
import type { Api, ApiFailure, KubeObject } from './api.ts';
import { type Clock, pause, systemClock } from './clock.ts';
import { type Claim, heldLease, LEASE, nextMove, releasedLease, specOf } from './lease.ts';
import type { KubeMetrics } from './metrics.ts';

export interface ElectionOptions {
  readonly kube: { direct(timeoutMs: number): Api };
  readonly namespace: string;
  readonly leaseName: string;
  /** Of this process and no other, also after a restart: the pod's name and something random. */
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  /** Of the Lease. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly onTrouble?: (failure: ApiFailure) => void;
  readonly metrics?: KubeMetrics;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface Election {
  /** Resolves when this process leads; never when it is stopped before. */
  readonly acquired: Promise<void>;
  /** Aborted when this process leads no longer: lost, not renewed in time, or stopped. There is no second term: exit. */
  readonly signal: AbortSignal;
  /** Looks at the clocks: false as well when this process was stalled and its timers have not run yet. */
  isLeader(): boolean;
  /** Before every write. Throws LeadershipLost. */
  assertLeader(): void;
  /** Call when nothing writes any more. A lease that is held is released, so that another leads at once. */
  stop(): Promise<void>;
}

export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

export function elect(options: ElectionOptions): Election {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = options;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs && retryPeriodMs > 0)) {
    const given = `${leaseDurationMs}, ${renewDeadlineMs} and ${retryPeriodMs} ms`;
    throw new Error(
      `the lease's duration must be longer than its renew deadline, that than its retry period: ${given}`,
    );
  }
  return new Elector(options);
}

interface Instant {
  readonly now: number;
  readonly wall: number;
}

class Elector implements Election {
  readonly acquired: Promise<void>;
  readonly #options: ElectionOptions;
  readonly #claim: Claim;
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #term = new AbortController();
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #cancelDeadline: () => void = () => undefined;
  #lease: KubeObject | undefined;
  #seenAt = 0;
  /** When the request was sent that last confirmed us. */
  #renewedAt: Instant | undefined;

  constructor(options: ElectionOptions) {
    const { namespace, leaseName: name, identity, leaseDurationMs, labels } = options;
    this.#options = options;
    this.#claim = { namespace, name, identity, leaseDurationMs, ...(labels && { labels }) };
    // Two attempts within the deadline, even when the first is never answered.
    this.#api = options.kube.direct(options.renewDeadlineMs / 2);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    const acquired = Promise.withResolvers<void>();
    this.acquired = acquired.promise;
    options.metrics?.leader(name, false);
    this.#ended = this.#run(acquired.resolve);
  }

  get signal(): AbortSignal {
    return this.#term.signal;
  }

  isLeader(): boolean {
    if (this.#renewedAt === undefined || this.#term.signal.aborted) return false;
    if (this.#leftMs(this.#renewedAt) > 0) return true;
    this.#lose(`the lease was not renewed for ${this.#options.renewDeadlineMs} ms`);
    return false;
  }

  assertLeader(): void {
    if (this.isLeader()) return;
    const { reason } = this.#term.signal;
    throw reason instanceof LeadershipLost ? reason : new LeadershipLost('this process does not lead');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#lose('this process stops');
    await this.#ended;
    if (this.#lease === undefined || specOf(this.#lease).holderIdentity !== this.#claim.identity) return;
    const released = releasedLease(this.#claim, this.#lease, this.#clock.wall());
    const answer = await this.#api.update(LEASE, released);
    // Somebody else has it already; or nobody can be reached, and it expires by itself.
    if (!answer.ok && answer.status !== 409) this.#options.onTrouble?.(answer);
  }

  async #run(onAcquired: () => void): Promise<void> {
    while (!this.#stopping.signal.aborted && !(await this.#tryToAcquire())) {
      await pause(this.#clock, this.#untilNextLook(), this.#stopping.signal);
    }
    if (this.#stopping.signal.aborted) return;
    this.#options.metrics?.leader(this.#claim.name, true);
    onAcquired();
    while (this.isLeader()) {
      await pause(this.#clock, this.#options.retryPeriodMs, this.#term.signal);
      if (this.isLeader()) await this.#renew();
    }
  }

  /**
   * Half the period, at random up to a fifth less: what a holder wrote just before it died is seen half a period
   * later at most, and taken over as soon as it has expired.
   */
  #untilNextLook(): number {
    const look = (this.#options.retryPeriodMs / 2) * (1 - this.#random() / 5);
    const move = nextMove(this.#lease, this.#claim.identity, this.#clock.now() - this.#seenAt);
    return typeof move === 'object' ? Math.min(look, move.waitMs) : look;
  }

  async #tryToAcquire(): Promise<boolean> {
    if (!(await this.#look())) return false;
    const move = nextMove(this.#lease, this.#claim.identity, this.#clock.now() - this.#seenAt);
    return typeof move !== 'object' && (await this.#write());
  }

  async #renew(): Promise<void> {
    if ((await this.#write()) || !(await this.#look()) || this.#term.signal.aborted) return;
    const move = nextMove(this.#lease, this.#claim.identity, 0);
    // Somebody else has touched the object, or deleted it, but not taken it.
    if (move === 'keep' || move === 'create') await this.#write();
    else if (this.#lease !== undefined) this.#lose(`${specOf(this.#lease).holderIdentity || 'nobody'} holds the lease`);
  }

  async #look(): Promise<boolean> {
    const answer = await this.#api.get(LEASE, this.#claim.namespace, this.#claim.name);
    if (answer.ok) this.#see(answer.value);
    else if (answer.status === 404) this.#lease = undefined;
    else {
      this.#options.onTrouble?.(answer);
      return false;
    }
    return true;
  }

  #see(lease: KubeObject): void {
    // A label that somebody sets is no sign of life of the holder.
    const isSame = this.#lease !== undefined && isDeepStrictEqual(specOf(lease), specOf(this.#lease));
    if (!isSame) this.#seenAt = this.#clock.now();
    this.#lease = lease;
  }

  async #write(): Promise<boolean> {
    // Others count from when they see the lease, which is after this.
    const sentAt: Instant = { now: this.#clock.now(), wall: this.#clock.wall() };
    const lease = heldLease(this.#claim, this.#lease, sentAt.wall);
    const answer = await (this.#lease === undefined ? this.#api.create(LEASE, lease) : this.#api.update(LEASE, lease));
    if (answer.ok) {
      this.#see(answer.value);
      this.#renewedAt = sentAt;
      this.#armDeadline(sentAt);
      return true;
    }
    if (answer.status !== 409) this.#options.onTrouble?.(answer);
    return false;
  }

  /** Ends the term also while a call hangs. */
  #armDeadline(renewedAt: Instant): void {
    this.#cancelDeadline();
    if (this.#term.signal.aborted) return;
    this.#cancelDeadline = this.#clock.after(this.#leftMs(renewedAt), () => {
      // Timers may be a little early.
      if (this.isLeader()) this.#armDeadline(renewedAt);
    });
  }

  /** By the clock that has moved more: the monotonic one stands still while a machine is suspended, the other may jump. */
  #leftMs({ now, wall }: Instant): number {
    const elapsed = Math.max(this.#clock.now() - now, this.#clock.wall() - wall);
    return this.#options.renewDeadlineMs - elapsed;
  }

  #lose(why: string): void {
    if (this.#term.signal.aborted) return;
    this.#cancelDeadline();
    this.#options.metrics?.leader(this.#claim.name, false);
    this.#term.abort(new LeadershipLost(why));
  }
}
