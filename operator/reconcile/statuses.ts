/** Which resources need their status looked at, and what each status is made from. */

import type { IsthmusResource, Kind } from '../../crds/v1alpha1/kinds.ts';
import { DEFAULT_FLEET } from '../../crds/v1alpha1/references.ts';
import type { Compilation } from '../compilation/compiler.ts';
import { compareText } from '../compile/order.ts';
import type { ResourceStatus } from '../compile/result.ts';
import type { FleetFacts, StatusResult, Subject, WorkloadFacts } from '../status/facts.ts';
import { statusOf } from '../status/status.ts';
import { type Intake, resourceKey, type Version } from './intake.ts';
import { keyOf } from './kinds.ts';
import type { StatusTask } from './status-writer.ts';
import type { World } from './world.ts';

interface Tracked {
  readonly compiled: ResourceStatus;
  readonly uid: string | undefined;
  readonly generation: number;
  /** `namespace/name`; undefined: it belongs to none that can be told. */
  readonly fleet: string | undefined;
}

interface TaskFacts {
  readonly fleet: FleetFacts | undefined;
  readonly workload: WorkloadFacts | undefined;
}

export interface StatusesOptions {
  readonly world: World;
  readonly intake: Intake;
  readonly now: () => number;
  /** What is said of each resource that is looked at, whether it has to be written or not. */
  readonly said?: (subject: Subject, result: StatusResult) => void;
}

/** What is to be looked at: what compile says something new about, before what only stands behind others. */
interface Backlog {
  readonly first: Set<string>;
  readonly rest: Set<string>;
  /** What was last said of the fleet, besides what compile says of each. */
  told: string | undefined;
  /** Hashes of what every pod of the fleet was seen to run, by resource. */
  readonly programmed: Map<string, string>;
}

export class Statuses {
  readonly #options: StatusesOptions;
  #tracked = new Map<string, Tracked>();
  /** By fleet; undefined: of resources without one. */
  readonly #backlogs = new Map<string | undefined, Backlog>();

  constructor(options: StatusesOptions) {
    this.#options = options;
  }

  /** `versions`: as they were when the compilation began. */
  take({ statuses }: Compilation, versions: ReadonlyMap<string, Version>): void {
    const tracked = new Map<string, Tracked>();
    for (const compiled of statuses) {
      const key = resourceKey(compiled.kind, compiled.namespace, compiled.name);
      const { uid, generation } = versions.get(key) ?? { uid: undefined, generation: 0 };
      const fleet = this.#fleetOf(compiled.kind, compiled.namespace, compiled.name);
      const before = this.#tracked.get(key);
      const isSame =
        before?.generation === generation &&
        before.uid === uid &&
        before.fleet === fleet &&
        (before.compiled === compiled || JSON.stringify(before.compiled) === JSON.stringify(compiled));
      tracked.set(key, { compiled, uid, generation, fleet });
      if (!isSame) this.#backlog(fleet).first.add(key);
    }
    this.#tracked = tracked;
  }

  /** Somebody else has written it: it is looked at again. */
  suspect(kind: Kind, namespace: string, name: string): string | undefined {
    const key = resourceKey(kind, namespace, name);
    const tracked = this.#tracked.get(key);
    if (tracked !== undefined) this.#backlog(tracked.fleet).first.add(key);
    return tracked?.fleet;
  }

  /** Everything of a fleet is to be looked at when what is known of the fleet has changed; the fleet itself always. */
  tasks(
    fleetKey: string | undefined,
    fleet: FleetFacts | undefined,
    workload: WorkloadFacts | undefined,
  ): StatusTask[] {
    const backlog = this.#backlog(fleetKey);
    const digest = digestOf(fleet);
    if (backlog.told !== digest) {
      for (const [key, tracked] of this.#tracked) if (tracked.fleet === fleetKey) backlog.rest.add(key);
      backlog.told = digest;
    }
    if (fleet !== undefined) backlog.first.add(resourceKey('RelayFleet', fleet.namespace, fleet.name));
    const keys = new Set([...backlog.first, ...backlog.rest]);
    return [...keys].flatMap((key) => {
      const tracked = this.#tracked.get(key);
      const belongs = tracked !== undefined && tracked.fleet === fleetKey;
      const task = belongs ? this.#task(key, tracked, backlog, { fleet, workload }) : undefined;
      if (task === undefined) this.#done(backlog, key);
      return task ?? [];
    });
  }

  /** Some will change by themselves: all of a fleet are looked at again. */
  lookAgain(fleetKey: string | undefined): void {
    this.#backlog(fleetKey).told = undefined;
  }

  /** The fleet has been deleted, or is another of the same name. */
  forget(fleetKey: string): void {
    this.#backlogs.delete(fleetKey);
  }

  #backlog(fleetKey: string | undefined): Backlog {
    const known = this.#backlogs.get(fleetKey);
    if (known !== undefined) return known;
    const fresh: Backlog = { first: new Set(), rest: new Set(), told: undefined, programmed: new Map() };
    this.#backlogs.set(fleetKey, fresh);
    return fresh;
  }

  #done({ first, rest }: Backlog, key: string): void {
    first.delete(key);
    rest.delete(key);
  }

  #task(
    key: string,
    { compiled, uid, generation }: Tracked,
    backlog: Backlog,
    facts: TaskFacts,
  ): StatusTask | undefined {
    const { kind, namespace, name } = compiled;
    const object = this.#options.world.resources.get(kind)?.get(namespace, name);
    // Another of that name has not been compiled yet: what is said of its generation would be said of the one before.
    if (object === undefined || object.metadata.uid !== uid) return undefined;
    const subject: Subject = { kind, namespace, name, generation, status: object['status'] as Subject['status'] };
    const nextHopRefusesUs = kind === 'TenantRoute' ? refusalOf(name, facts.fleet) : undefined;
    const workload = kind === 'RelayFleet' ? facts.workload : undefined;
    const { programmed } = backlog;
    const now = this.#options.now();
    const outcome = () => {
      const fleet = facts.fleet && { ...facts.fleet, programmed };
      const result = statusOf({ now, subject, compiled, fleet, workload, nextHopRefusesUs });
      if (result.programmed === undefined) programmed.delete(`${kind}/${name}`);
      else programmed.set(`${kind}/${name}`, result.programmed);
      this.#options.said?.(subject, result);
      return result;
    };
    const putOff = () => {
      this.#done(backlog, key);
      backlog.rest.add(key);
    };
    return { subject, outcome, done: () => this.#done(backlog, key), putOff };
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
