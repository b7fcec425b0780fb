/** Everything the compiling thread knows: the cluster's objects, what is in force, and how to compile the one into the other. */

import { isDeepStrictEqual } from 'node:util';
import type { Kind } from '../../crds/v1alpha1/kinds.ts';
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
import type {
  Change,
  Compilation,
  CompiledFleet,
  CompilerOptions,
  NotKnown,
  Restored,
  StoredFleet,
} from './compiler.ts';
import { FleetMemory } from './fleet-memory.ts';
import { fleetKey, outcomeKey } from './messages.ts';
import { nextHopPorts } from './next-hop-ports.ts';

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

  restore(stored: StoredFleet): Restored {
    return this.#fleet(stored.namespace, stored.name).restore(stored);
  }

  inForce(namespace: string, fleet: string, revision: string): void {
    // Of one that has been deleted meanwhile nothing is remembered.
    this.#fleets.get(fleetKey({ namespace, name: fleet }))?.prove(revision);
  }

  /** Everything is looked at, so that claims in other namespaces are told; of what is not known nothing is said. */
  compile(now: number, notKnown: NotKnown = { namespaces: [], fleets: [] }): Compilation {
    const running = [...this.#fleets].flatMap(([key, { running: config }]) =>
      config === undefined ? [] : [{ ...splitKey(key), config }],
    );
    const input: CompileInput = {
      resources: [...this.#resources.values()],
      invalid: [...this.#invalid.values()],
      secrets: (namespace, name) => this.#lookup('Secret', namespace, name),
      configMaps: (namespace, name) => this.#lookup('ConfigMap', namespace, name),
      running,
      tombstones: [...this.#fleets.values()].flatMap((fleet) => fleet.tombstones()),
      ownSigningKeys: (namespace, name) => this.#signingKeys.get(fleetKey({ namespace, name })),
      domains: this.#domains,
      now,
      platform: this.#platform,
    };
    const { fleets, statuses, findings, tombstones } = compile(input, this.#memory);
    const ofFleet = ({ namespace, name }: FleetResult) =>
      tombstones.filter((tombstone) => tombstone.namespace === namespace && tombstone.fleet === name);
    const unseen = new Set(notKnown.namespaces);
    const isSeen = ({ namespace }: { readonly namespace: string }) => !unseen.has(namespace);
    const isLeftOut = this.#leftOut(notKnown);
    return {
      fleets: fleets.flatMap((fleet) => (isLeftOut(fleet) ? [] : [this.#finish(fleet, ofFleet(fleet))])),
      statuses: statuses.filter(isSeen),
      findings: findings.filter(isSeen),
    };
  }

  /** Where two SharedDomains claim one domain, the record of any fleet of that namespace may say who holds it. */
  #leftOut({ namespaces, fleets }: NotKnown): (fleet: FleetResult) => boolean {
    const isDisputed = (namespace: string) => {
      const resources = [...this.#resources.values()].filter(({ metadata }) => metadata.namespace === namespace);
      const domains = resources.flatMap((each) => (each.kind === 'SharedDomain' ? [each.spec.domain] : []));
      return new Set(domains).size < domains.length;
    };
    const disputed = fleets.map(({ namespace }) => namespace).filter(isDisputed);
    const all = new Set([...namespaces, ...disputed]);
    const some = new Set(fleets.map(fleetKey));
    return (fleet) => all.has(fleet.namespace) || some.has(fleetKey(fleet));
  }

  #take(change: Change): void {
    switch (change.type) {
      case 'resource': {
        const { kind, metadata } = change.resource;
        const key = outcomeKey({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
        this.#invalid.delete(key);
        this.#resources.set(key, keepSpec(this.#resources.get(key), change.resource));
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
        this.#takeData(`${change.kind} ${fleetKey(change)}`, change.found);
        return;
      case 'signingKeys':
        this.#signingKeys.set(fleetKey({ namespace: change.namespace, name: change.fleet }), change.keys);
    }
  }

  /** Octets that have not changed stay the same object: nothing is made of them anew. */
  #takeData(key: string, found: LookupResult): void {
    const before = this.#objects.get(key);
    if (found === 'unknown') {
      // As if nobody had told of it, which is what it means.
      this.#objects.delete(key);
      return;
    }
    if (typeof found === 'string' || before === undefined || typeof before === 'string') {
      this.#objects.set(key, found);
      return;
    }
    const kept = Object.entries(found.data).map(([name, bytes]) => {
      const known = Object.hasOwn(before.data, name) ? before.data[name] : undefined;
      return [name, known !== undefined && Buffer.compare(known, bytes) === 0 ? known : bytes] as const;
    });
    this.#objects.set(key, { ...found, data: Object.fromEntries(kept) });
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
    const memory = this.#fleets.get(key) ?? new FleetMemory(this.#key);
    this.#fleets.set(key, memory);
    return memory;
  }

  #finish(result: FleetResult, tombstones: readonly Tombstone[]): CompiledFleet {
    const { namespace, name, paused, config, unknown } = result;
    const packed = this.#fleet(namespace, name).pack(result, tombstones);
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

/** A change of labels or status leaves the spec the same object: nothing is made of it anew. */
function keepSpec(before: Resource | undefined, now: Resource): Resource {
  return before?.kind === now.kind && isDeepStrictEqual(before.spec, now.spec)
    ? ({ ...now, spec: before.spec } as Resource)
    : now;
}

function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
