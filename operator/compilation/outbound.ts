/** The thread's side of the border: finds what the main thread has not been told, and cuts it into small messages. */

import type { Finding, ResourceStatus } from '../compile/result.ts';
import type { Compilation, CompiledFleet, Piece } from './compiler.ts';
import {
  type CompilationDelta,
  type FleetDelta,
  fleetKey,
  type FromThread,
  type MapDelta,
  type Outcome,
  outcomeKey,
} from './messages.ts';

/** Read in about 2 ms. */
const OUTCOMES_A_MESSAGE = 200;

export interface Message {
  readonly message: FromThread;
  readonly transfer: ArrayBuffer[];
}

export class Outbound {
  /** As text: what was said of a resource is compared and not kept. */
  #outcomes = new Map<string, string>();
  #order: readonly string[] = [];
  #parts = new Map<string, ReadonlyMap<string, string>>();
  #pieces: ReadonlySet<string> = new Set();

  /** To be posted in this order. */
  compiled(id: number, compilation: Compilation): Message[] {
    const outcomes = outcomesOf(compilation);
    const keys = [...outcomes.keys()];
    const sameOrder = keys.length === this.#order.length && keys.every((key, at) => key === this.#order[at]);
    this.#order = keys;
    const messages = [...this.#octets(compilation.fleets), ...this.#changedOutcomes(outcomes)];
    const delta: CompilationDelta = {
      fleets: compilation.fleets.map((fleet) => this.#fleet(fleet)),
      order: sameOrder ? undefined : keys,
    };
    this.#parts = new Map(compilation.fleets.map((fleet) => [fleetKey(fleet), fleet.parts]));
    return [...messages, { message: { type: 'compiled', id, delta }, transfer: [] }];
  }

  #octets(fleets: readonly CompiledFleet[]): Message[] {
    const pieces = new Map<string, Piece>();
    for (const fleet of fleets) for (const piece of [...fleet.pieces, ...fleet.memory]) pieces.set(piece.key, piece);
    const fresh = [...pieces.values()].filter(({ key }) => !this.#pieces.has(key));
    this.#pieces = new Set(pieces.keys());
    return fresh.map(({ key, bytes }) => {
      const own = new Uint8Array(bytes);
      return { message: { type: 'octets', octets: [[key, own]] }, transfer: [own.buffer] };
    });
  }

  #changedOutcomes(outcomes: ReadonlyMap<string, Outcome>): Message[] {
    const before = this.#outcomes;
    this.#outcomes = new Map([...outcomes].map(([key, outcome]) => [key, JSON.stringify(outcome)]));
    const changed = [...outcomes].filter(([key]) => this.#outcomes.get(key) !== before.get(key));
    const messages: Message[] = [];
    for (let start = 0; start < changed.length; start += OUTCOMES_A_MESSAGE) {
      const some = changed.slice(start, start + OUTCOMES_A_MESSAGE);
      messages.push({ message: { type: 'outcomes', outcomes: some }, transfer: [] });
    }
    return messages;
  }

  #fleet({ pieces, memory, parts, ...rest }: CompiledFleet): FleetDelta {
    const reference = ({ slot, key }: Piece) => ({ slot, key });
    return {
      ...rest,
      pieces: pieces.map(reference),
      memory: memory.map(reference),
      parts: difference(this.#parts.get(fleetKey(rest)) ?? new Map(), parts),
    };
  }
}

function difference(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): MapDelta {
  return {
    set: [...now].filter(([key, value]) => before.get(key) !== value),
    gone: [...before.keys()].filter((key) => !now.has(key)),
  };
}

/** By resource, in the order in which compile speaks of them. */
function outcomesOf({ statuses, findings }: Compilation): Map<string, Outcome> {
  const outcomes = new Map<string, { status: ResourceStatus | undefined; findings: Finding[] }>();
  for (const status of statuses) outcomes.set(outcomeKey(status), { status, findings: [] });
  for (const finding of findings) {
    const key = outcomeKey(finding);
    const known = outcomes.get(key);
    if (known === undefined) outcomes.set(key, { status: undefined, findings: [finding] });
    else known.findings.push(finding);
  }
  return outcomes;
}
