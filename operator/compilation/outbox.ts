/** Messages to the compiling thread in their order, a little at a time: copying a million addresses at once would stall the main thread. */

import type { Change } from './compiler.ts';
import type { ToThread } from './messages.ts';

/** What is copied in one turn of the event loop: about 5 ms. */
const OCTETS_A_TURN = 4 * 1024 * 1024;
const CHANGES_A_TURN = 200;
/** A resource without its tables; what it weighs decides nothing. */
const RESOURCE_OCTETS = 1024;

export class Outbox {
  readonly #post: (message: ToThread, transfer: readonly ArrayBuffer[]) => void;
  #queue: ToThread[] = [];
  #turn: NodeJS.Immediate | undefined;

  constructor(post: (message: ToThread, transfer: readonly ArrayBuffer[]) => void) {
    this.#post = post;
  }

  update(changes: readonly Change[]): void {
    let batch: Change[] = [];
    let octets = 0;
    for (const change of changes) {
      const size = octetsOf(change);
      if (batch.length > 0 && (octets + size > OCTETS_A_TURN || batch.length === CHANGES_A_TURN)) {
        this.send({ type: 'update', changes: batch });
        batch = [];
        octets = 0;
      }
      batch.push(change);
      octets += size;
    }
    if (batch.length > 0) this.send({ type: 'update', changes: batch });
  }

  send(message: ToThread): void {
    this.#queue.push(message);
    this.#turn ??= setImmediate(() => this.#next());
  }

  close(): void {
    this.#queue = [];
    clearImmediate(this.#turn);
  }

  #next(): void {
    const message = this.#queue.shift();
    this.#turn = this.#queue.length > 0 ? setImmediate(() => this.#next()) : undefined;
    if (message === undefined) return;
    if (message.type !== 'update') {
      this.#post(message, []);
      return;
    }
    const given = message.changes.map(givenAway);
    this.#post(
      { ...message, changes: given.map(({ change }) => change) },
      given.flatMap(({ transfer }) => transfer),
    );
  }
}

function octetsOf(change: Change): number {
  if (change.type !== 'data' || typeof change.found === 'string') return RESOURCE_OCTETS;
  return Object.values(change.found.data).reduce((sum, bytes) => sum + bytes.length, 0);
}

/** With octets of its own, copied once: those of the caller stay his, and may be a part of something larger. */
function givenAway(change: Change): { readonly change: Change; readonly transfer: ArrayBuffer[] } {
  if (change.type !== 'data' || typeof change.found === 'string') return { change, transfer: [] };
  const data = Object.entries(change.found.data).map(([key, bytes]) => [key, new Uint8Array(bytes)] as const);
  const found = { ...change.found, data: Object.fromEntries(data) };
  return { change: { ...change, found }, transfer: data.map(([, bytes]) => bytes.buffer) };
}
