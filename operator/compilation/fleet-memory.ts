/** What is known of one fleet between two compilations: what is in force, what was compiled, and what is buried. */

import type { RelayConfig } from '../../relay/core/config.ts';
import type { FleetResult } from '../compile/result.ts';
import { joinedRule } from '../compile/joined-rule.ts';
import { graveKey, type Named, type Tombstone } from '../compile/tombstones.ts';
import { type Packed, Packer } from '../slots/pack.ts';
import { unpackStored } from '../slots/unpack.ts';
import type { Restored, StoredFleet } from './compiler.ts';
import { nextHopPorts } from './next-hop-ports.ts';

/** A candidate is withdrawn or proven within seconds, and ten changes a second are gathered at most. */
const REVISIONS_REMEMBERED = 500;

interface Outcome {
  readonly config: RelayConfig;
  readonly tombstones: readonly Tombstone[];
  /** Names of rules, in force or buried, of which rows came from Secrets. */
  readonly confidentialRules: ReadonlySet<string>;
}

export class FleetMemory {
  readonly #key: string;
  readonly #packer: Packer;
  #inForce: Outcome | undefined;
  /** The last compilation's, which may not be in force yet. */
  #last: Outcome | undefined;
  /** By revision, the last compiled at the end. */
  readonly #compiled = new Map<string, Outcome>();
  /** Of what was restored, until it has been compared with what is compiled. */
  #restoredParts: ReadonlyMap<string, string> | undefined;

  constructor(key: string) {
    this.#key = key;
    this.#packer = new Packer(key);
  }

  get running(): RelayConfig | undefined {
    return this.#inForce?.config;
  }

  /**
   * What the last compilation buried, and what is buried in force: neither a candidate that is withdrawn nor one that
   * is not proven yet may lose a grave, or begin its time anew.
   */
  tombstones(): Tombstone[] {
    const graves = new Map<string, Tombstone>();
    for (const tombstone of [...(this.#last?.tombstones ?? []), ...(this.#inForce?.tombstones ?? [])]) {
      const key = keyOf(tombstone);
      if (!graves.has(key)) graves.set(key, tombstone);
    }
    return [...graves.values()];
  }

  restore({ pieces, memory, revision }: StoredFleet): Restored {
    const unpacked = unpackStored(pieces, memory, revision, this.#key);
    if (!unpacked.ok) return unpacked;
    const { config, confidentialRules, parts } = unpacked;
    // What is in force has no grave: one that was stored for an earlier revision would hold less, and not as long.
    const isInForce = namesOf(config);
    const tombstones = unpacked.tombstones.filter(
      (tombstone) => !isInForce.has(keyOf(tombstone)) || hasOtherRows(tombstone, config),
    );
    this.#inForce = { config, tombstones, confidentialRules };
    this.#restoredParts = parts;
    return { ok: true, parts, ports: { nextHops: nextHopPorts(config) } };
  }

  /** Nothing changes for a revision that is not among those compiled. */
  prove(revision: string): void {
    const proven = this.#compiled.get(revision);
    if (proven === undefined) return;
    this.#inForce = proven;
    this.#restoredParts = undefined;
    for (const earlier of this.#compiled.keys()) {
      if (earlier === revision) break;
      this.#compiled.delete(earlier);
    }
  }

  pack({ config, credentials, confidentialRules: ofRules }: FleetResult, tombstones: readonly Tombstone[]): Packed {
    const confidentialRules = new Set(ofRules);
    const unburied = this.#unburiedBy(config, tombstones);
    for (const { name } of [...tombstones, ...unburied]) {
      const wasSecret = [this.#inForce, this.#last].some((outcome) => outcome?.confidentialRules.has(name) === true);
      if (wasSecret) confidentialRules.add(name);
    }
    const input = { config, credentials, confidentialRules, tombstones };
    const whole = this.#packer.pack({ ...input, tombstones: [...tombstones, ...unburied] });
    // Without room for them it could never be proven, and they would never leave.
    const packed = whole.ok || unburied.length === 0 ? whole : this.#packer.pack(input);
    this.#last = { config, tombstones, confidentialRules };
    this.#compiled.delete(config.revision);
    this.#compiled.set(config.revision, this.#last);
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= REVISIONS_REMEMBERED) break;
      this.#compiled.delete(oldest);
    }
    if (packed.ok) this.#share(config, packed.parts);
    return packed;
  }

  /** A manifest has one memory for both of its revisions, and this one may be withdrawn: what it unburies stays in there. */
  #unburiedBy(config: RelayConfig, tombstones: readonly Tombstone[]): Tombstone[] {
    const known = new Set(tombstones.map(keyOf));
    const isInForce = namesOf(config);
    const before = this.#inForce?.tombstones ?? [];
    return before.filter((tombstone) => isInForce.has(keyOf(tombstone)) && !known.has(keyOf(tombstone)));
  }

  /** Rules that were restored and come out the same are in memory once. */
  #share({ rewriteRules }: RelayConfig, parts: ReadonlyMap<string, string>): void {
    const restored = this.#restoredParts;
    const inForce = this.#inForce;
    this.#restoredParts = undefined;
    if (restored === undefined || inForce === undefined) return;
    const isSame = (name: string) => parts.get(`RewriteRule/${name}`) === restored.get(`RewriteRule/${name}`);
    const compiled = new Map(rewriteRules.map((rule) => [rule.name, rule]));
    const shared = inForce.config.rewriteRules.map((rule) =>
      isSame(rule.name) ? (compiled.get(rule.name) ?? rule) : rule,
    );
    this.#inForce = { ...inForce, config: { ...inForce.config, rewriteRules: shared } };
  }
}

function keyOf({ kind, was }: Tombstone): string {
  return graveKey(kind, was);
}

/** Of a rule that was not read as a whole: the rest of its rows is known from nowhere else. */
function hasOtherRows(tombstone: Tombstone, { rewriteRules }: RelayConfig): boolean {
  const rule = rewriteRules.find(({ name }) => name === tombstone.name);
  if (tombstone.kind !== 'RewriteRule' || rule === undefined) return false;
  const whole = joinedRule(rule, tombstone.was);
  return whole.addresses.length + whole.domains.length > rule.addresses.length + rule.domains.length;
}

function namesOf({ sharedDomains, tenantRoutes, rewriteRules }: RelayConfig): Set<string> {
  const of = (kind: Tombstone['kind'], all: readonly Named[]) => all.map((was) => graveKey(kind, was));
  return new Set([
    ...of('SharedDomain', sharedDomains),
    ...of('TenantRoute', tenantRoutes),
    ...of('RewriteRule', rewriteRules),
  ]);
}
