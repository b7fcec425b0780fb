/** All fleets that there are: which may be compiled, and which of them may have a new image now. */

import type { RelayFleet } from '../../crds/v1alpha1/relay-fleet.ts';
import { Fleet } from './fleet.ts';
import type { Intake } from './intake.ts';
import { keyOf } from './kinds.ts';
import type { Surroundings } from './surroundings.ts';

/** The others wait so long for what a fleet ran before to be read: 81 objects, about a second. */
const PATIENCE_MS = 5_000;

export class Fleets {
  readonly #around: Surroundings;
  readonly #intake: Intake;
  readonly #fleets = new Map<string, Fleet>();
  /** Of those that are not restored: until when the others wait for them. */
  readonly #waitedFor = new WeakMap<Fleet, number>();

  constructor(around: Surroundings, intake: Intake) {
    this.#around = around;
    this.#intake = intake;
  }

  get(key: string): Fleet | undefined {
    return this.#fleets.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#fleets.keys();
  }

  all(): IterableIterator<Fleet> {
    return this.#fleets.values();
  }

  /** undefined: it is not there, or fails its schema. */
  resource(key: string): RelayFleet | undefined {
    const [namespace = '', name = ''] = key.split('/');
    const resource = this.#intake.resource('RelayFleet', namespace, name);
    return resource?.kind === 'RelayFleet' ? resource : undefined;
  }

  /** Those of what has been seen, as it is now. `onChanged`: it has been deleted, or is another of the same name. */
  follow(onChanged: (key: string, gone: Fleet | undefined) => void): void {
    for (const { kind, metadata } of this.#intake.resources()) {
      const { namespace = '', name, uid = '' } = metadata;
      const key = keyOf(namespace, name);
      if (kind !== 'RelayFleet' || !this.#around.world.hasSeen(namespace)) continue;
      if (this.#fleets.get(key)?.identity.uid === uid) continue;
      // What pods of an earlier one ran proves nothing about this one's.
      onChanged(key, undefined);
      this.#fleets.set(key, new Fleet(this.#around, { namespace, name, uid }));
    }
    for (const [key, fleet] of this.#fleets) {
      const { namespace, name } = fleet.identity;
      if (this.#around.world.resources.get('RelayFleet')?.get(namespace, name) !== undefined) continue;
      this.#fleets.delete(key);
      onChanged(key, fleet);
    }
  }

  /**
   * How long to wait with compiling for what fleets ran before; one of which that cannot be read keeps no other
   * waiting. `onNew`: it is to be restored.
   */
  untilRestored(onNew: (key: string) => void): number {
    const now = this.#around.now();
    let waitMs = 0;
    for (const [key, fleet] of this.#fleets) {
      if (fleet.isRestored) continue;
      const before = this.#waitedFor.get(fleet);
      if (before === undefined) onNew(key);
      const until = before ?? now + PATIENCE_MS;
      this.#waitedFor.set(fleet, until);
      waitMs = Math.max(waitMs, until - now);
    }
    return waitMs;
  }

  /** Answers why it could not be; nobody waits for it then. */
  async restore(key: string): Promise<string | undefined> {
    const fleet = this.#fleets.get(key);
    if (fleet === undefined || fleet.isRestored) return undefined;
    const restored = await fleet.prepare(this.resource(key));
    this.#waitedFor.set(fleet, 0);
    if (restored.ok) return undefined;
    const note = `What it ran before cannot be read, and it is left as it is: ${restored.message}`;
    this.#around.event({ kind: 'RelayFleet', ...fleet.identity }, 'Warning', 'ConfigurationUnreadable', note);
    return note;
  }

  /** What compile needs of those that are restored. */
  async prepare(): Promise<void> {
    for (const [key, fleet] of this.#fleets) if (fleet.isRestored) await fleet.prepare(this.resource(key));
  }

  notRestored(): Fleet['identity'][] {
    return [...this.#fleets.values()].filter((fleet) => !fleet.isRestored).map(({ identity }) => identity);
  }

  /** A new image of the operator's goes to one fleet after the other, each waiting for the one before it. */
  relayImage(key: string): string {
    const { relayImage } = this.#around.settings;
    const live = this.#fleets.get(key)?.liveImage();
    const earlier = [...this.#fleets].filter(([other]) => other < key && this.#followsImage(other));
    const isWaiting = earlier.some(([, fleet]) => !fleet.isSettled() || fleet.liveImage() !== relayImage);
    return live !== undefined && isWaiting ? live : relayImage;
  }

  /** What names its own image, or is paused, keeps nobody waiting. */
  #followsImage(key: string): boolean {
    const resource = this.resource(key);
    return resource !== undefined && resource.spec.image === undefined && !resource.spec.paused;
  }
}
