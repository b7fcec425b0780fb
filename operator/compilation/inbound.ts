/** The main thread's side of the border: keeps what it was told, so that what has not changed stays the same object. */

import type { Compilation, CompiledFleet, Piece } from './compiler.ts';
import { type CompilationDelta, type FleetDelta, fleetKey, type MapDelta, type Outcome } from './messages.ts';

export class Inbound {
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #outcomes = new Map<string, Outcome>();
  #order: readonly string[] = [];
  #parts = new Map<string, ReadonlyMap<string, string>>();

  octets(octets: readonly (readonly [key: string, bytes: Uint8Array])[]): void {
    for (const [key, bytes] of octets) this.#bytes.set(key, bytes);
  }

  outcomes(outcomes: readonly (readonly [key: string, outcome: Outcome])[]): void {
    for (const [key, outcome] of outcomes) this.#outcomes.set(key, outcome);
  }

  compiled({ fleets, order }: CompilationDelta): Compilation {
    if (order !== undefined) this.#reorder(order);
    const compiled = fleets.map((fleet) => this.#fleet(fleet));
    this.#parts = new Map(compiled.map((fleet) => [fleetKey(fleet), fleet.parts]));
    this.#forgetPieces(compiled);
    const outcomes = this.#order.flatMap((key) => this.#outcomes.get(key) ?? []);
    return {
      fleets: compiled,
      statuses: outcomes.flatMap(({ status }) => status ?? []),
      findings: outcomes.flatMap(({ findings }) => findings),
    };
  }

  #reorder(order: readonly string[]): void {
    this.#order = order;
    const present = new Set(order);
    for (const key of this.#outcomes.keys()) if (!present.has(key)) this.#outcomes.delete(key);
  }

  #fleet({ pieces, memory, parts, ...rest }: FleetDelta): CompiledFleet {
    const piece = ({ slot, key }: { slot: string; key: string }): Piece => {
      const bytes = this.#bytes.get(key);
      if (bytes === undefined) throw new Error(`the compiling thread never sent the piece ${key}`);
      return { slot, key, bytes };
    };
    return {
      ...rest,
      pieces: pieces.map(piece),
      memory: memory.map(piece),
      parts: applied(this.#parts.get(fleetKey(rest)) ?? new Map(), parts),
    };
  }

  #forgetPieces(fleets: readonly CompiledFleet[]): void {
    const used = new Set(fleets.flatMap(({ pieces, memory }) => [...pieces, ...memory]).map(({ key }) => key));
    for (const key of this.#bytes.keys()) if (!used.has(key)) this.#bytes.delete(key);
  }
}

function applied(before: ReadonlyMap<string, string>, { set, gone }: MapDelta): ReadonlyMap<string, string> {
  if (set.length === 0 && gone.length === 0) return before;
  const now = new Map(before);
  for (const key of gone) now.delete(key);
  for (const [key, value] of set) now.set(key, value);
  return now;
}
