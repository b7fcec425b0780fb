/** Which resources need their status looked at, and what each status is made from. */

import type { IsthmusResource, Kind } from '../../crds/v1alpha1/kinds.ts';
import { DEFAULT_FLEET } from '../../crds/v1alpha1/references.ts';
import type { Compilation } from '../compilation/compiler.ts';
import { compareText } from '../compile/order.ts';
import type { ResourceStatus } from '../compile/result.ts';
import type { FleetFacts, Subject, WorkloadFacts } from '../status/facts.ts';
import { statusOf } from '../status/status.ts';
import { type Intake, resourceKey } from './intake.ts';
import { keyOf } from './kinds.ts';
import type { StatusTask } from './status-writer.ts';
import type { World } from './world.ts';

interface Tracked {
  readonly compiled: ResourceStatus;
  readonly generation: number;
  /** `namespace/name`; undefined: it belongs to none that can be told. */
  readonly fleet: string | undefined;
}

export interface StatusesOptions {
  readonly world: World;
  readonly intake: Intake;
  readonly now: () => number;
}

export class Statuses {
  readonly #options: StatusesOptions;
  #tracked = new Map<string, Tracked>();
  readonly #dirty = new Set<string>();
  /** What was last said of a fleet's resources, besides what compile says of each. */
  readonly #told = new Map<string | undefined, string>();
  /** Of each fleet: hashes of what every pod of it was seen to run, by resource. */
  readonly #programmed = new Map<string | undefined, Map<string, string>>();

  constructor(options: StatusesOptions) {
    this.#options = options;
  }

  /** `generations`: as they were when the compilation began. */
  take({ statuses }: Compilation, generations: ReadonlyMap<string, number>): void {
    const tracked = new Map<string, Tracked>();
    for (const compiled of statuses) {
      const key = resourceKey(compiled.kind, compiled.namespace, compiled.name);
      const generation = generations.get(key) ?? 0;
      const fleet = this.#fleetOf(compiled.kind, compiled.namespace, compiled.name);
      const before = this.#tracked.get(key);
      const isSame =
        before?.generation === generation &&
        before.fleet === fleet &&
        (before.compiled === compiled || JSON.stringify(before.compiled) === JSON.stringify(compiled));
      if (!isSame) this.#dirty.add(key);
      tracked.set(key, { compiled, generation, fleet });
    }
    this.#tracked = tracked;
  }

  /** Somebody else has written it. */
  suspect(kind: Kind, namespace: string, name: string): void {
    this.#dirty.add(resourceKey(kind, namespace, name));
  }

  /**
   * Of one fleet, or of resources without one: those that compile says something new about first, the others only when
   * what is known of the fleet has changed.
   */
  tasks(
    fleetKey: string | undefined,
    fleet: FleetFacts | undefined,
    workload: WorkloadFacts | undefined,
  ): StatusTask[] {
    const digest = digestOf(fleet);
    const everything = this.#told.get(fleetKey) !== digest;
    this.#told.set(fleetKey, digest);
    const first: StatusTask[] = [];
    const rest: StatusTask[] = [];
    for (const [key, tracked] of this.#tracked) {
      if (tracked.fleet !== fleetKey) continue;
      const isFleet = tracked.compiled.kind === 'RelayFleet';
      const isDirty = this.#dirty.delete(key);
      if (!isDirty && !everything && !isFleet) continue;
      const task = this.#task(tracked, fleet, isFleet ? workload : undefined);
      if (task !== undefined) (isDirty ? first : rest).push(task);
    }
    return [...first, ...rest];
  }

  /** What could not be written, or will change by itself, is looked at again. */
  lookAgain(fleetKey: string | undefined): void {
    this.#told.delete(fleetKey);
  }

  fleetsOf(): Set<string | undefined> {
    return new Set([...this.#tracked.values()].map(({ fleet }) => fleet));
  }

  #task(
    { compiled, generation, fleet: fleetKey }: Tracked,
    fleet: FleetFacts | undefined,
    workload: WorkloadFacts | undefined,
  ): StatusTask | undefined {
    const { kind, namespace, name } = compiled;
    const object = this.#options.world.resources.get(kind)?.get(namespace, name);
    if (object === undefined) return undefined;
    const subject: Subject = { kind, namespace, name, generation, status: object['status'] as Subject['status'] };
    const nextHopRefusesUs = kind === 'TenantRoute' ? refusalOf(name, fleet) : undefined;
    const now = this.#options.now();
    const seen = this.#programmedOf(fleetKey);
    const outcome = () => {
      const facts = fleet && { ...fleet, programmed: seen };
      const result = statusOf({ now, subject, compiled, fleet: facts, workload, nextHopRefusesUs });
      if (result.programmed === undefined) seen.delete(`${kind}/${name}`);
      else seen.set(`${kind}/${name}`, result.programmed);
      return result;
    };
    return { subject, outcome };
  }

  #programmedOf(fleetKey: string | undefined): Map<string, string> {
    const known = this.#programmed.get(fleetKey) ?? new Map<string, string>();
    this.#programmed.set(fleetKey, known);
    return known;
  }

  #fleetOf(kind: Kind, namespace: string, name: string): string | undefined {
    const { intake } = this.#options;
    const fleet = fleetNameOf(intake.resource(kind, namespace, name), (domain) =>
      intake.resource('SharedDomain', namespace, domain),
    );
    if (kind === 'RelayFleet') return keyOf(namespace, name);
    if (fleet === undefined || this.#options.world.resources.get('RelayFleet')?.get(namespace, fleet) === undefined) {
      return undefined;
    }
    return keyOf(namespace, fleet);
  }
}

function fleetNameOf(
  resource: IsthmusResource | undefined,
  sharedDomain: (name: string) => IsthmusResource | undefined,
): string | undefined {
  switch (resource?.kind) {
    case undefined:
      return undefined;
    case 'RelayFleet':
      return resource.metadata.name;
    case 'SharedDomain':
      return resource.spec.fleetRef?.name ?? DEFAULT_FLEET;
    case 'TenantRoute': {
      const domains = resource.spec.sharedDomainRefs.map(({ name }) => sharedDomain(name));
      return fleetNameOf(
        domains.find((domain) => domain !== undefined),
        sharedDomain,
      );
    }
    case 'RewriteRule':
      return fleetNameOf(sharedDomain(resource.spec.sharedDomainRef.name), sharedDomain);
  }
}

function refusalOf(tenantRoute: string, fleet: FleetFacts | undefined): string | undefined {
  const subject = `TenantRoute ${tenantRoute}`;
  for (const { findings } of fleet?.reports.values() ?? []) {
    const finding = findings.find((each) => each.subject === subject && each.type === 'NextHopRefusesUs');
    if (finding !== undefined) return finding.message;
  }
  return undefined;
}

/** Everything that the status of a resource depends on besides itself. */
function digestOf(fleet: FleetFacts | undefined): string {
  if (fleet === undefined) return '';
  const serving = fleet.pods.filter(({ ready, terminating }) => ready && !terminating);
  const running = new Set(serving.map(({ uid }) => fleet.reports.get(uid)?.running ?? ''));
  const reported = [...fleet.reports.values()].flatMap((report) => report.findings);
  const findings = new Set(reported.map(({ type, subject, message }) => `${type} ${subject} ${message}`));
  const { revision, paused, failed, heldBack, imageTooOld } = fleet;
  return JSON.stringify([
    revision,
    paused,
    failed,
    heldBack,
    imageTooOld,
    [...running].sort(compareText),
    [...findings].sort(compareText),
  ]);
}
