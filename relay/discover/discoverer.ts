/** Asks tenants' next hops which of them knows an address that no rule resolves: in order, seldom, and for nobody who harvests. */

import type { RelayConfig } from '../core/config.ts';
import type { NextHops, Target } from '../core/delivery.ts';
import {
  type Answered,
  type DiscoveryRefusal,
  type NextHopAnswer,
  nextStep,
  readAnswer,
  refuseDiscovery,
  type RefusedDiscovery,
} from '../core/discovery.ts';
import { lowerAscii } from '../core/address.ts';
import type { AcceptedRecipient } from '../core/recipient.ts';
import { AnswerCache } from './answer-cache.ts';
import { CountWindow } from './count-window.ts';
import { type Candidate, Standing, type StandingState } from './standing.ts';

export interface DiscoveryLimits {
  /** The unknown recipient at which a client from the internet is sent away. */
  readonly unknownPerClient: number;
  /**
   * Questions to one tenant's next hop in a minute, from all clients together. Five a second let the users of a large tenant,
   * each asked for once an hour, pass in a morning's rush; whoever guesses a million names from many addresses needs two days
   * and is seen in the metrics.
   */
  readonly questionsPerMinute: number;
  /** Answers kept: some 200 octets each. */
  readonly answers: number;
  /** Clients counted at the same time. */
  readonly clients: number;
}

export const DISCOVERY_LIMITS: DiscoveryLimits = {
  unknownPerClient: 10,
  questionsPerMinute: 300,
  answers: 50_000,
  clients: 50_000,
};

/** Long enough that guessing from one address is no use; short enough for a mail provider that got ten old addresses wrong. */
const CLIENT_WINDOW_MS = 10 * 60 * 1000;
const MINUTE_MS = 60 * 1000;
/** How often it is looked whether a next hop's hourly question is due. */
const LOOK_MS = 10 * 1000;

export interface DiscoveryEvents {
  discovered(result: 'Found' | DiscoveryRefusal): void;
  /** A next hop was asked for somebody's address, or for one that nobody has. */
  asked(about: 'recipient' | 'nobody', answer: NextHopAnswer): void;
  nextHopRefuses(target: Target, meaning: string): void;
  /** What is thought of a next hop's answers has changed; `Unproven` when it is asked no more. */
  standing(tenantRoute: string, state: StandingState): void;
  /** Asked for an address that nobody has, a next hop gave no clear answer; told once, though it is asked every minute. */
  unclear(tenantRoute: string, cause: string): void;
  failed(error: unknown): void;
}

export interface DiscovererOptions {
  readonly config: RelayConfig;
  readonly nextHops: NextHops;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Letters and digits that nobody foresees and nobody has in an address, 40 at most. */
  readonly token: () => string;
  readonly events: DiscoveryEvents;
  readonly limits?: Partial<DiscoveryLimits>;
  /** Calls `run` again and again; returns what ends that. Default: a timer that keeps no process alive. */
  readonly every?: (milliseconds: number, run: () => void) => () => void;
}

export interface Discoverer {
  /**
   * Which candidate takes the address, or what the client hears; a 421 ends the connection. `countedAs` names a client from the
   * internet; undefined for a tenant, who is not counted. Rejects never but for a broken promise.
   */
  discover(
    candidates: readonly AcceptedRecipient[],
    countedAs: string | undefined,
  ): Promise<AcceptedRecipient | RefusedDiscovery>;
  /** The recipient was found, but its next hop does not take it any more: the next search asks again. */
  forget(recipient: AcceptedRecipient): void;
  /** A new configuration is in force, for the next hops as well. */
  update(config: RelayConfig): void;
  close(): void;
}

export function createDiscoverer(options: DiscovererOptions): Discoverer {
  return new Search(options);
}

type Answer = Answered | 'OverBudget' | 'TooManyUnknown';

class Search implements Discoverer {
  readonly #options: DiscovererOptions;
  readonly #limits: DiscoveryLimits;
  readonly #answers: AnswerCache;
  readonly #unknown: CountWindow;
  readonly #questions: CountWindow;
  readonly #stop: () => void;
  #standings = new Map<string, Standing>();
  #isClosed = false;

  constructor(options: DiscovererOptions) {
    this.#options = options;
    this.#limits = { ...DISCOVERY_LIMITS, ...options.limits };
    this.#answers = new AnswerCache(options.now, this.#limits.answers);
    this.#unknown = new CountWindow(CLIENT_WINDOW_MS, options.now, this.#limits.clients);
    this.#questions = new CountWindow(MINUTE_MS, options.now, Infinity);
    this.update(options.config);
    this.#stop = (options.every ?? everyWhile)(LOOK_MS, () => this.#proveAll());
  }

  async discover(
    candidates: readonly AcceptedRecipient[],
    countedAs: string | undefined,
  ): Promise<AcceptedRecipient | RefusedDiscovery> {
    const answers: Answered[] = [];
    for (;;) {
      const next = nextStep(candidates, answers);
      switch (next.step) {
        case 'Found':
          this.#options.events.discovered('Found');
          return next.recipient;
        case 'Refuse':
          return this.#refuse(next.result, candidates, answers, countedAs);
        case 'Ask': {
          const answer = await this.#answer(next.candidate, countedAs);
          if (typeof answer === 'string') return this.#refuse(answer, candidates, answers, countedAs);
          answers.push(answer);
        }
      }
    }
  }

  forget(recipient: AcceptedRecipient): void {
    const standing = this.#standings.get(routeOf(recipient));
    if (standing !== undefined) this.#answers.forget(keyOf(standing.candidate, recipient));
  }

  update(config: RelayConfig): void {
    const before = this.#standings;
    this.#standings = new Map();
    for (const candidate of candidatesOf(config)) {
      const known = before.get(candidate.tenantRoute);
      const isSame = known !== undefined && known.candidate.generation === candidate.generation;
      this.#standings.set(candidate.tenantRoute, isSame ? known : this.#standing(candidate));
    }
    for (const tenantRoute of before.keys()) {
      if (!this.#standings.has(tenantRoute)) this.#options.events.standing(tenantRoute, 'Unproven');
    }
    this.#proveAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #refuse(
    result: DiscoveryRefusal,
    candidates: readonly AcceptedRecipient[],
    answers: readonly Answered[],
    countedAs: string | undefined,
  ): RefusedDiscovery {
    const isOneTooMany =
      result === 'Unknown' && countedAs !== undefined && this.#unknown.add(countedAs) >= this.#limits.unknownPerClient;
    const final = isOneTooMany ? 'TooManyUnknown' : result;
    this.#options.events.discovered(final);
    const heard = answers.map(({ answer, cause }, index) => `${routeName(candidates[index])}: ${answer} (${cause})`);
    return refuseDiscovery(final, heard.length === 0 ? 'no tenant was asked' : heard.join('; '));
  }

  async #answer(candidate: AcceptedRecipient, countedAs: string | undefined): Promise<Answer> {
    const standing = this.#standings.get(routeOf(candidate));
    if (standing === undefined || !candidate.forwardPath.endsWith(`@${standing.candidate.domain}`)) {
      return { answer: 'Undecided', cause: 'the configuration has changed' };
    }
    if (standing.state === 'CatchAll') return LEFT_OUT;
    const key = keyOf(standing.candidate, candidate);
    const known = this.#answers.recall(key);
    if (known === undefined) {
      // What is known may be used by everybody; new questions are not for those who guess.
      if (countedAs !== undefined && this.#unknown.count(countedAs) >= this.#limits.unknownPerClient) {
        return 'TooManyUnknown';
      }
      if (this.#questions.add(standing.candidate.tenantRoute) > this.#limits.questionsPerMinute) return 'OverBudget';
    }
    const answered = await (known ??
      this.#answers.learn(key, () => this.#ask(candidate.target, candidate.forwardPath, 'recipient')));
    return answered.answer === 'Taken' ? believe(answered, standing) : answered;
  }

  /** MAIL with the null reverse-path, RCPT, and no more: nothing is ever sent. */
  async #ask(target: Target, forwardPath: string, about: 'recipient' | 'nobody'): Promise<Answered<NextHopAnswer>> {
    const claim = this.#options.nextHops.claim({ target, reversePath: '', parameters: {} });
    try {
      const answered = readAnswer(await claim.recipient(forwardPath), target);
      this.#options.events.asked(about, answered.answer);
      if (answered.refusesUs !== undefined) this.#options.events.nextHopRefuses(target, answered.refusesUs);
      return answered;
    } finally {
      claim.release();
    }
  }

  #standing(candidate: Candidate): Standing {
    const { now, token, events } = this.#options;
    return new Standing(candidate, {
      now,
      // Says what it is to whoever finds it in a log, and is no name that a dictionary attack would try.
      ask: ({ tenantRoute, domain }) =>
        this.#ask({ kind: 'TenantRoute', name: tenantRoute }, `isthmus-recipient-check-${token()}@${domain}`, 'nobody'),
      onUnclear: ({ tenantRoute }, cause) => events.unclear(tenantRoute, cause),
      onChange: ({ tenantRoute }, state, before) => {
        if (this.#standings.get(tenantRoute)?.candidate !== candidate) return;
        // What was taken while everything was taken says nothing.
        if (before === 'CatchAll') this.#answers.clear();
        events.standing(tenantRoute, state);
      },
    });
  }

  #proveAll(): void {
    if (this.#isClosed) return;
    for (const standing of this.#standings.values()) {
      standing.prove().catch((error: unknown) => this.#options.events.failed(error));
    }
  }
}

const LEFT_OUT: Answered = { answer: 'LeftOut', cause: 'its next hop takes addresses that nobody has' };

/** A next hop that takes everything has not found anybody. */
async function believe(taken: Answered, standing: Standing): Promise<Answered> {
  const state = standing.state === 'Unproven' ? await standing.prove() : standing.state;
  switch (state) {
    case 'Checks':
      return taken;
    case 'CatchAll':
      return LEFT_OUT;
    case 'Unproven':
      return { answer: 'Undecided', cause: `${taken.cause}, but it is not known yet whether it takes everything` };
  }
}

/** Every tenant route that a shared domain asks. */
function candidatesOf(config: RelayConfig): Candidate[] {
  const asked = new Set(
    config.sharedDomains.flatMap(({ unresolvedRecipients: policy }) =>
      policy.action === 'Discover' ? policy.order : [],
    ),
  );
  return config.tenantRoutes.flatMap(({ name, generation, domains: [domain] }) =>
    asked.has(name) && domain !== undefined ? [{ tenantRoute: name, generation, domain }] : [],
  );
}

function routeOf({ target }: AcceptedRecipient): string {
  return target.kind === 'TenantRoute' ? target.name : '';
}

function routeName(recipient: AcceptedRecipient | undefined): string {
  return recipient === undefined ? '' : routeOf(recipient);
}

/** Mailboxes that are the same for every rule are asked for once. */
function keyOf({ tenantRoute, generation }: Candidate, { forwardPath }: AcceptedRecipient): string {
  return `${tenantRoute}\n${generation}\n${lowerAscii(forwardPath)}`;
}

function everyWhile(milliseconds: number, run: () => void): () => void {
  const timer = setInterval(run, milliseconds);
  timer.unref();
  return () => clearInterval(timer);
}
