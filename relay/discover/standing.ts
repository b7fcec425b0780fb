/** Whether a tenant's next hop may be believed when it takes an address: asked now and then for one that nobody can have. */

import type { Answered } from '../core/discovery.ts';

const HOUR_MS = 3600 * 1000;
/** A next hop that gave no clear answer is often only starting, or holding back a client it has not seen before. */
const AGAIN_MS = 60 * 1000;

/** `Unproven`: no such question has had a clear answer yet. */
export type StandingState = 'Unproven' | 'Checks' | 'CatchAll';

export interface Candidate {
  readonly tenantRoute: string;
  readonly generation: string;
  /** Its internal domain. */
  readonly domain: string;
}

export interface StandingOptions {
  readonly now: () => number;
  /** Asks the next hop for an address that nobody has. */
  readonly ask: (candidate: Candidate) => Promise<Answered>;
  /** What is thought of the next hop has changed. */
  readonly onChange: (candidate: Candidate, state: StandingState, before: StandingState) => void;
  /** It gave no clear answer; told once, until it gives one. */
  readonly onUnclear: (candidate: Candidate, cause: string) => void;
}

export class Standing {
  readonly candidate: Candidate;
  readonly #options: StandingOptions;
  #state: StandingState = 'Unproven';
  #isUnclear = false;
  #due: number;
  #proving: Promise<StandingState> | undefined;

  constructor(candidate: Candidate, options: StandingOptions) {
    this.candidate = candidate;
    this.#options = options;
    this.#due = options.now();
  }

  get state(): StandingState {
    return this.#state;
  }

  /** Asks if it is time to; what is thought of the next hop when that is answered. */
  async prove(): Promise<StandingState> {
    if (this.#proving === undefined && this.#options.now() >= this.#due) {
      this.#proving = this.#ask().finally(() => {
        this.#proving = undefined;
      });
    }
    return this.#proving ?? this.#state;
  }

  async #ask(): Promise<StandingState> {
    const { now, ask, onChange, onUnclear } = this.#options;
    const { answer, cause } = await ask(this.candidate);
    const before = this.#state;
    if (answer === 'Taken') this.#state = 'CatchAll';
    if (answer === 'Unknown') this.#state = 'Checks';
    const isUnclear = answer === 'Undecided';
    this.#due = now() + (isUnclear ? AGAIN_MS : HOUR_MS);
    if (isUnclear && !this.#isUnclear) onUnclear(this.candidate, cause);
    this.#isUnclear = isUnclear;
    if (this.#state !== before) onChange(this.candidate, this.#state, before);
    return this.#state;
  }
}
