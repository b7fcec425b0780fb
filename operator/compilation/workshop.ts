/** Everything the compiling thread knows: the cluster's objects, what is in force, and how to compile the one into the other. */

import type { Kind } from '../../crds/v1alpha1/kinds.ts';
import type { RelayConfig } from '../../relay/core/config.ts';
import { compile } from '../compile/compile.ts';
import type {
  CompileInput,
  DomainPermission,
  InvalidResource,
  LookupResult,
  Platform,
  Resource,
} from '../compile/input.ts';
import { CompileMemory } from '../compile/memory.ts';
import type { FleetResult } from '../compile/result.ts';
import type { Tombstone } from '../compile/tombstones.ts';
import { nodePlatform } from '../platform.ts';
import { Packer } from '../slots/pack.ts';
import { unpackStored } from '../slots/unpack.ts';
import type { Change, Compilation, CompiledFleet, CompilerOptions, Restored, StoredFleet } from './compiler.ts';
import { fleetKey, outcomeKey } from './messages.ts';
import { nextHopPorts } from './next-hop-ports.ts';

/** A candidate is withdrawn or proven within seconds, and ten changes a second are gathered at most. */
const REVISIONS_REMEMBERED = 500;

interface Record {
  readonly config: RelayConfig;
  readonly tombstones: readonly Tombstone[];
  /** Names of rules, in force or remembered, of which rows came from Secrets. */
  readonly confidentialRules: ReadonlySet<string>;
}

interface FleetMemory {
  inForce: Record | undefined;
  /** By revision, the last compiled at the end. */
  readonly compiled: Map<string, Record>;
  readonly packer: Packer;
}

export class Workshop {
  readonly #platform: Platform;
  readonly #key: string;
  readonly #domains: readonly DomainPermission[];
  readonly #resources = new Map<string, Resource>();
  readonly #invalid = new Map<string, InvalidResource>();
  readonly #objects = new Map<string, LookupResult>();
  readonly #signingKeys = new Map<string, readonly string[]>();
  readonly #fleets = new Map<string, FleetMemory>();
  readonly #memory = new CompileMemory();

  constructor({ credentialKey, domains }: CompilerOptions) {
    this.#platform = nodePlatform(credentialKey);
    this.#key = credentialKey;
    this.#domains = domains;
  }

  update(changes: readonly Change[]): void {
    for (const change of changes) this.#take(change);
  }

  restore({ namespace, name, revision, pieces, memory }: StoredFleet): Restored {
    const unpacked = unpackStored(pieces, memory, revision, this.#key);
    if (!unpacked.ok) return unpacked;
    const { config, tombstones, confidentialRules, parts } = unpacked;
    this.#fleet(namespace, name).inForce = { config, tombstones, confidentialRules };
    return { ok: true, parts };
  }

  inForce(namespace: string, fleet: string, revision: string): void {
    const memory = this.#fleet(namespace, fleet);
    const record = memory.compiled.get(revision);
    if (record === undefined) return;
    memory.inForce = record;
    for (const earlier of memory.compiled.keys()) {
      if (earlier === revision) break;
      memory.compiled.delete(earlier);
    }
  }

  compile(now: number): Compilation {
    const remembered = [...this.#fleets].flatMap(([key, { inForce }]) => (inForce ? [{ key, ...inForce }] : []));
    const input: CompileInput = {
      resources: [...this.#resources.values()],
      invalid: [...this.#invalid.values()],
      secrets: (namespace, name) => this.#lookup('Secret', namespace, name),
      configMaps: (namespace, name) => this.#lookup('ConfigMap', namespace, name),
      running: remembered.map(({ key, config }) => ({ ...splitKey(key), config })),
      tombstones: remembered.flatMap((each) => each.tombstones),
      ownSigningKeys: (namespace, name) => this.#signingKeys.get(fleetKey({ namespace, name })),
      domains: this.#domains,
      now,
      platform: this.#platform,
    };
    const { fleets, statuses, findings, tombstones } = compile(input, this.#memory);
    const ofFleet = ({ namespace, name }: FleetResult) =>
      tombstones.filter((tombstone) => tombstone.namespace === namespace && tombstone.fleet === name);
    return { fleets: fleets.map((fleet) => this.#finish(fleet, ofFleet(fleet))), statuses, findings };
  }

  #take(change: Change): void {
    switch (change.type) {
      case 'resource': {
        const { kind, metadata } = change.resource;
        const key = outcomeKey({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
        this.#invalid.delete(key);
        this.#resources.set(key, change.resource);
        return;
      }
      case 'invalid': {
        const key = outcomeKey(change.invalid);
        this.#resources.delete(key);
        this.#invalid.set(key, change.invalid);
        return;
      }
      case 'gone':
        this.#resources.delete(outcomeKey(change));
        this.#invalid.delete(outcomeKey(change));
        this.#forgetFleet(change.kind, change.namespace, change.name);
        return;
      case 'data':
        this.#objects.set(`${change.kind} ${fleetKey(change)}`, change.found);
        return;
      case 'signingKeys':
        this.#signingKeys.set(fleetKey({ namespace: change.namespace, name: change.fleet }), change.keys);
    }
  }

  /** Its objects go with it: nothing of it is in force any more. */
  #forgetFleet(kind: Kind, namespace: string, name: string): void {
    if (kind === 'RelayFleet') this.#fleets.delete(fleetKey({ namespace, name }));
  }

  /** What nobody has been told of is not known, which is no proof that there is none. */
  #lookup(kind: 'Secret' | 'ConfigMap', namespace: string, name: string): LookupResult {
    return this.#objects.get(`${kind} ${namespace}/${name}`) ?? 'unknown';
  }

  #fleet(namespace: string, name: string): FleetMemory {
    const key = fleetKey({ namespace, name });
    const memory = this.#fleets.get(key) ?? { inForce: undefined, compiled: new Map(), packer: new Packer(this.#key) };
    this.#fleets.set(key, memory);
    return memory;
  }

  #finish(result: FleetResult, tombstones: readonly Tombstone[]): CompiledFleet {
    const { namespace, name, paused, config, unknown, credentials } = result;
    const { compiled, packer, inForce } = this.#fleet(namespace, name);
    const confidentialRules = new Set(result.confidentialRules);
    for (const tombstone of tombstones) {
      if (inForce?.confidentialRules.has(tombstone.name) === true) confidentialRules.add(tombstone.name);
    }
    compiled.delete(config.revision);
    compiled.set(config.revision, { config, tombstones, confidentialRules });
    for (const [oldest] of compiled) {
      if (compiled.size <= REVISIONS_REMEMBERED) break;
      compiled.delete(oldest);
    }
    const packed = packer.pack({ config, credentials, confidentialRules, tombstones });
    return {
      namespace,
      name,
      paused,
      revision: config.revision,
      pieces: packed.ok ? packed.pieces : [],
      memory: packed.ok ? packed.memory : [],
      parts: packed.ok ? packed.parts : new Map(),
      unknown,
      tooLarge: packed.ok ? undefined : packed.tooLarge,
      hostname: config.fleet.hostname,
      ports: { nextHops: nextHopPorts(config) },
      lameDuckSeconds: config.fleet.lameDuckSeconds,
      drainSeconds: config.fleet.drainSeconds,
    };
  }
}

function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
