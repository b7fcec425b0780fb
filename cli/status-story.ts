/** The state of everything as one story, from the objects alone: what `isthmus status` prints, as text or as JSON. */

import type { Kind } from '../crds/v1alpha1/kinds.ts';
import { DEFAULT_FLEET } from '../crds/v1alpha1/references.ts';
import type { KubeObject } from '../operator/kube/api.ts';
import { type Facts, factsOf } from './status-facts.ts';
import { textOf } from './status-fields.ts';
import type { AwayOperator } from './status-operator.ts';
import { type Health, healthOf, type Trouble } from './status-health.ts';

export interface Account {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly created: string | undefined;
  readonly health: Health;
  readonly trouble: Trouble | undefined;
  readonly remarks: readonly Trouble[];
  readonly facts: Facts;
}

export interface Unreadable {
  readonly kind: Kind;
  readonly message: string;
}

export interface Story {
  /** Everything is Ready, all of it could be read, there is something, and an operator stands behind it. */
  readonly ready: boolean;
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Those that are not Ready first, then by kind, namespace and name. */
  readonly objects: readonly Account[];
  /** Kinds that this user may not read. */
  readonly unreadable: readonly Unreadable[];
  /** No operator runs: what is said of the objects may be old. */
  readonly operatorAway?: AwayOperator;
}

export function storyOf(
  objects: readonly KubeObject[],
  namespace: string | undefined,
  unreadable: readonly Unreadable[],
  operatorAway?: AwayOperator,
): Story {
  const fleets = new FleetFinder(objects);
  const accounts = objects.map((object): Account => {
    const { name, namespace: home = '', creationTimestamp } = object.metadata;
    const kind = object.kind as Kind;
    const fleet = fleets.of(object);
    const { health, trouble, remarks } = healthOf(object, { namespace: home, fleet });
    const facts = factsOf(kind, object, fleets.oldestDomain(home, fleet));
    return { kind, namespace: home, name, created: creationTimestamp, health, trouble, remarks, facts };
  });
  const isKnown = accounts.length > 0 && unreadable.length === 0 && operatorAway === undefined;
  const ready = isKnown && accounts.every(({ health }) => health === 'Ready');
  const away = operatorAway === undefined ? {} : { operatorAway };
  return { ready, namespace, objects: accounts.sort(byUrgency), unreadable, ...away };
}

const URGENCY: Readonly<Record<Health, number>> = { Broken: 0, Unobserved: 1, Waiting: 2, Ready: 3 };

/** Where everything else hangs on: first. */
const ORDER: Readonly<Record<Kind, number>> = { RelayFleet: 0, SharedDomain: 1, TenantRoute: 2, RewriteRule: 3 };

function byUrgency(a: Account, b: Account): number {
  return (
    URGENCY[a.health] - URGENCY[b.health] ||
    ORDER[a.kind] - ORDER[b.kind] ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Which fleet serves an object, along its references. */
class FleetFinder {
  readonly #domains = new Map<string, KubeObject>();

  constructor(objects: readonly KubeObject[]) {
    for (const object of objects) {
      if (object.kind === 'SharedDomain')
        this.#domains.set(keyOf(object.metadata.namespace, object.metadata.name), object);
    }
  }

  of(object: KubeObject): string | undefined {
    switch (object.kind) {
      case 'RelayFleet':
        return object.metadata.name;
      case 'SharedDomain':
        return textOf(object, 'spec', 'fleetRef', 'name') ?? DEFAULT_FLEET;
      default: {
        const name =
          textOf(object, 'spec', 'sharedDomainRef', 'name') ?? textOf(object, 'spec', 'sharedDomainRefs', 0, 'name');
        const domain = this.#domains.get(keyOf(object.metadata.namespace, name ?? ''));
        return domain === undefined ? undefined : this.of(domain);
      }
    }
  }

  /** The domain that a fleet without a host name is called after. */
  oldestDomain(namespace: string, fleet: string | undefined): string | undefined {
    const own = [...this.#domains.values()].filter(
      (object) => object.metadata.namespace === namespace && this.of(object) === fleet,
    );
    const [oldest] = own.sort(
      (a, b) =>
        compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
        compareText(a.metadata.name, b.metadata.name),
    );
    return oldest && textOf(oldest, 'spec', 'domain');
  }
}

const keyOf = (namespace: string | undefined, name: string) => `${namespace ?? ''}/${name}`;
