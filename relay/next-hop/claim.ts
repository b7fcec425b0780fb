/** A claim at a next hop: asks for recipients, is let go and played again as needed, and delivers once, to all or none. */

import type { Claim, ClaimRequest, NextHopConnection, Refusal, StepResult, Target } from '../core/delivery.ts';
import type { MessageContent } from '../core/message.ts';
import { isSuccess, type Reply, reply } from '../core/reply.ts';
import { blamesIPv6 } from './address-family.ts';
import type { ClaimEnvironment } from './claim-environment.ts';
import { assertPath } from './commands.ts';
import type { Connection, Holder } from './connection.ts';
import { sendContent } from './content.ts';
import {
  announces,
  converse,
  dataVerdict,
  lossRefusal,
  mailRefusal,
  obstacle,
  recipientVerdict,
  type Transaction,
} from './conversation.ts';
import { recipientLimit } from './recipient-limit.ts';
import { decided, refused, silent } from './refusal.ts';
import type { Route } from './route.ts';

/** A transaction that stands at a next hop. */
interface Open {
  readonly route: Route;
  readonly connection: Connection;
}

type Played =
  | { readonly ok: true; readonly open: Open; readonly replies: readonly Reply[] }
  | { readonly ok: false; readonly refusal: Refusal };

const NO_ROUTE = reply(451, '4.3.5', 'The mail system is being reconfigured, please try again later');
const OVER = 'the time for this delivery was over';
const TOO_MANY_RECIPIENTS = reply(452, '4.5.3', 'Too many recipients for one message, please send the rest again');

/** New connections tried for one step; those kept from before that turn out dead are replaced without counting. */
const NEW_CONNECTIONS = 2;

export class HopClaim implements Claim, Holder {
  readonly target: Target;
  connection: NextHopConnection | undefined;
  readonly #request: ClaimRequest;
  readonly #environment: ClaimEnvironment;
  readonly #accepted: string[] = [];
  #open: Open | undefined;
  /** Before any recipient was taken, a refusal holds for the whole claim. */
  #refusal: Refusal | undefined;
  #admitted = false;
  #step: Promise<unknown> | undefined;
  #released = false;
  #recipientLimit = Infinity;
  /** Where the content went. */
  #used: Open | undefined;

  constructor(request: ClaimRequest, environment: ClaimEnvironment) {
    assertPath(request.reversePath);
    this.target = request.target;
    this.#request = request;
    this.#environment = environment;
  }

  async recipient(forwardPath: string): Promise<StepResult> {
    assertPath(forwardPath);
    if (forwardPath === '') throw new Error('a forward-path is never empty');
    while (this.#step !== undefined) await this.#step;
    if (this.#released) throw new Error('a recipient was asked for on a claim that has ended');
    if (this.#refusal !== undefined) return { ok: false, refusal: this.#refusal };
    if (this.#accepted.length >= this.#recipientLimit) {
      const cause = `it takes ${this.#recipientLimit} recipients a transaction`;
      return { ok: false, refusal: decided('rcpt', TOO_MANY_RECIPIENTS, cause) };
    }
    return this.#alone(this.#ask(forwardPath));
  }

  async deliver(content: MessageContent, deadline: number): Promise<StepResult> {
    while (this.#step !== undefined) await this.#step;
    if (this.#released) throw new Error('a claim that has ended cannot deliver');
    if (this.#accepted.length === 0) throw new Error('a claim without an accepted recipient cannot deliver');
    this.#released = true;
    return this.#alone(this.#deliver(content, deadline));
  }

  release(): void {
    this.#released = true;
    if (this.#step === undefined) this.#letGo();
  }

  rested(): void {
    this.#letGo();
  }

  lost(): void {
    this.#open = undefined;
  }

  async #alone(step: Promise<StepResult>): Promise<StepResult> {
    this.#step = step;
    try {
      return await step;
    } finally {
      this.#step = undefined;
      if (this.#open !== undefined) {
        if (this.#released) this.#letGo();
        else this.#open.route.pool.rest(this.#open.connection, this);
      }
    }
  }

  #take(): Open | undefined {
    const open = this.#open;
    this.#open = undefined;
    open?.route.pool.take(open.connection);
    return open;
  }

  #letGo(): void {
    const open = this.#take();
    if (open !== undefined) void open.route.pool.reset(open.connection);
  }

  async #ask(forwardPath: string): Promise<StepResult> {
    const asked = await this.#askOnce(forwardPath);
    if (asked.ok || !this.#avoidsIPv6(this.#open, asked.refusal)) return asked;
    this.#letGo();
    return this.#askOnce(forwardPath);
  }

  async #askOnce(forwardPath: string): Promise<StepResult> {
    const until = performance.now() + this.#environment.patience();
    const open = this.#take();
    if (open !== undefined) {
      const transaction = this.#transaction([forwardPath], undefined);
      const missing = obstacle(open.connection, transaction);
      if (missing === undefined) {
        const { command } = this.#environment.durations;
        const [answer] = await open.connection.ask(`RCPT TO:<${forwardPath}>\r\n`, 1, command, until);
        if (open.connection.lostCause === undefined) return this.#answered(open, forwardPath, answer);
      } else {
        this.#open = open;
        return { ok: false, refusal: missing };
      }
    }
    const { slot } = this.#environment.durations;
    const played = await this.#play([...this.#accepted, forwardPath], undefined, slot, until);
    if (!played.ok) {
      if (this.#accepted.length === 0) this.#refusal = played.refusal;
      return played;
    }
    const { replies } = played;
    const result = this.#answered(played.open, forwardPath, replies.at(-1));
    // One that was taken before is refused now: deliver() will play it all again and say so.
    if (!replies.slice(1, -1).every(isSuccess)) this.#letGo();
    return result;
  }

  #answered(open: Open, forwardPath: string, answer: Reply | undefined): StepResult {
    this.#open = open;
    const result = recipientVerdict(answer);
    if (result.ok) this.#accepted.push(forwardPath);
    else this.#heard(open, result.refusal);
    return result;
  }

  /** What was refused in words was not delivered, and may be tried again over IPv4. */
  async #deliver(content: MessageContent, deadline: number): Promise<StepResult> {
    const first = await this.#deliverOnce(content, deadline);
    if (first.ok || !this.#avoidsIPv6(this.#used, first.refusal)) return first;
    return this.#deliverOnce(content, deadline);
  }

  async #deliverOnce(content: MessageContent, deadline: number): Promise<StepResult> {
    if (performance.now() >= deadline) {
      this.#letGo();
      return { ok: false, refusal: silent('data', OVER) };
    }
    const open = this.#take();
    const { durations } = this.#environment;
    if (open !== undefined) {
      const { connection, route } = open;
      const missing = obstacle(connection, this.#transaction(this.#accepted, content));
      if (missing !== undefined) {
        void route.pool.reset(connection);
        return { ok: false, refusal: missing };
      }
      if (announces(connection, this.#request.parameters, content)) {
        const [answer] = await connection.ask('DATA\r\n', 1, durations.data, deadline);
        if (connection.lostCause === undefined && answer !== undefined) {
          if (answer.code === 354) return this.#send(open, content, deadline);
          return this.#abandon(open, refused('data', answer, 'it refuses DATA'), answer);
        }
      } else {
        await route.pool.reset(connection);
      }
    }
    const played = await this.#play(this.#accepted, content, Infinity, deadline);
    if (!played.ok) return played;
    const verdict = dataVerdict(played.replies, this.#accepted.length);
    if (verdict.ok) return this.#send(played.open, content, deadline);
    return this.#abandon(played.open, verdict.refusal, played.replies[this.#accepted.length + 1]);
  }

  /** Ends the attempt before the first octet of content. */
  #abandon(open: Open, refusal: Refusal, data: Reply | undefined): StepResult {
    this.#heard(open, refusal);
    // After 354 only a dot or the end of the connection ends the transaction, and a dot could deliver to some of the
    // recipients.
    if (data !== undefined && data.code < 400) open.connection.lose('all recipients or none: given up after 354');
    else void open.route.pool.reset(open.connection);
    return { ok: false, refusal };
  }

  async #send(open: Open, content: MessageContent, deadline: number): Promise<StepResult> {
    this.#used = open;
    const { connection, route } = open;
    const { reply: answer, cause } = await sendContent(connection, content, deadline, this.#environment.durations);
    // The answer to the dot ends the transaction: nothing to reset.
    route.pool.giveBack(connection);
    if (answer === undefined) return { ok: false, refusal: silent('content', cause) };
    if (isSuccess(answer)) {
      route.pool.delivered();
      return { ok: true, reply: answer };
    }
    const refusal = refused('content', answer, 'it refuses the message');
    this.#heard(open, refusal);
    return { ok: false, refusal };
  }

  /** MAIL and RCPT, and DATA with content, on any connection; on another one when the first was dead. */
  async #play(
    forwardPaths: readonly string[],
    content: MessageContent | undefined,
    patience: number,
    until: number,
  ): Promise<Played> {
    for (let fresh = 0; ; ) {
      if (performance.now() >= until) return { ok: false, refusal: silent('connect', OVER) };
      const route = this.#environment.routeFor(this.target);
      if (route === undefined) return { ok: false, refusal: decided('lookup', NO_ROUTE, 'no such route any more') };
      const excess = this.#admitted ? undefined : route.pool.admit();
      if (excess !== undefined) return { ok: false, refusal: excess };
      this.#admitted = true;
      const opened = await route.pool.acquire(patience, until);
      if (!opened.ok) {
        if (route.pool.retired && performance.now() < until) continue;
        return opened;
      }
      const { connection } = opened;
      this.connection = connection.describe();
      this.#recipientLimit = recipientLimit(connection);
      const transaction = this.#transaction(forwardPaths, content);
      const missing = obstacle(connection, transaction);
      if (missing !== undefined) {
        route.pool.giveBack(connection);
        return { ok: false, refusal: missing };
      }
      if (connection.transactions === 0) fresh += 1;
      const replies = await converse(connection, transaction, this.#environment.durations, until);
      const open = { route, connection };
      if (connection.lostCause === undefined) {
        const begun = this.#begun(open, replies, forwardPaths.length);
        if (begun.ok || !this.#avoidsIPv6(open, begun.refusal)) return begun;
        continue;
      }
      if (fresh >= NEW_CONNECTIONS || performance.now() >= until) {
        const refusal = lossRefusal(replies, forwardPaths.length, connection.lostCause);
        this.#heard(open, refusal);
        return { ok: false, refusal };
      }
    }
  }

  #begun(open: Open, replies: readonly Reply[], recipients: number): Played {
    const [mail] = replies;
    if (mail === undefined) throw new Error('a connection that stands gave no reply to MAIL');
    if (isSuccess(mail)) return { ok: true, open, replies };
    const refusal = mailRefusal(mail);
    this.#abandon(open, refusal, replies[recipients + 1]);
    return { ok: false, refusal };
  }

  /** True once for a route: its next connections are IPv4. */
  #avoidsIPv6(open: Open | undefined, { reply: answer }: Refusal): boolean {
    return open !== undefined && blamesIPv6(open.connection.address, answer) && open.route.avoidIPv6();
  }

  #heard(open: Open, refusal: Refusal): void {
    if (refusal.reply !== undefined) open.route.pool.heard(refusal.reply, refusal.stage);
  }

  #transaction(forwardPaths: readonly string[], content: MessageContent | undefined): Transaction {
    const { reversePath, parameters } = this.#request;
    return { reversePath, parameters, forwardPaths, content };
  }
}
