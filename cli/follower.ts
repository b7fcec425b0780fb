/** Says when to look at folders of manifests again: they have changed, or time has passed. */

import { type Watch, watchManifests } from './manifests/watch.ts';

/** What is on hold is let go, and --tls-cert and --tls-key are read again, this late at most. */
const EXPIRY_CHECK_MS = 60_000;

/** Keeps what happens before anybody listens. */
export class Follower {
  readonly #watch: Watch;
  readonly #expiry: NodeJS.Timeout;
  #look: () => Promise<void> = async () => {};
  #missed = false;
  #following = Promise.resolve();

  constructor(folders: readonly string[]) {
    this.#watch = watchManifests(folders, () => this.#notice());
    this.#expiry = setInterval(() => this.#notice(), EXPIRY_CHECK_MS);
  }

  /** `look` is called for one change after the other. */
  listen(look: () => Promise<void>): void {
    this.#look = look;
    if (this.#missed) this.#notice();
  }

  stop(): void {
    this.#watch.close();
    clearInterval(this.#expiry);
  }

  #notice(): void {
    this.#missed = true;
    this.#following = this.#following.then(() => this.#look());
  }
}
