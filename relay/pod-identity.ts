/** Which certificate a pod shows: the mounted one while it is good, else the last good one, else the configuration's. */

import type { Credentials, RelayConfig } from './core/config.ts';
import { checkIdentity, type ServerIdentity } from './tls/server-context.ts';

export class PodIdentity {
  #mounted: ServerIdentity | undefined;
  #problem: string | undefined;

  /** What is mounted now; undefined: nothing, or half of it. Whether something else is shown from now on. */
  see(found: ServerIdentity | undefined, now: Date): boolean {
    this.#problem = undefined;
    if (found === undefined || isSame(found, this.#mounted)) return false;
    const checked = checkIdentity(found, now);
    if (!checked.ok) {
      this.#problem = checked.reason;
      return false;
    }
    this.#mounted = found;
    return true;
  }

  /** Why what is mounted is not shown. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** undefined: there is none yet. */
  for({ fleet }: RelayConfig, credentials: Credentials): ServerIdentity | undefined {
    if (this.#mounted !== undefined) return this.#mounted;
    const certificate = fleet.tls.certificate && credentials.get(fleet.tls.certificate);
    const key = fleet.tls.key && credentials.get(fleet.tls.key);
    return certificate === undefined || key === undefined ? undefined : { certificate, key };
  }
}

function isSame(one: ServerIdentity, other: ServerIdentity | undefined): boolean {
  return one.certificate === other?.certificate && one.key === other.key;
}
