/** What is worth knowing of an object of each kind, besides whether it is ready. */

import type { Kind } from '../crds/v1alpha1/kinds.ts';
import { DEFAULT_FLEET } from '../crds/v1alpha1/references.ts';
import type { KubeObject } from '../operator/kube/api.ts';
import { fieldOf, listOf, numberOf, textOf } from './status-fields.ts';

export interface FleetFacts {
  readonly kind: 'RelayFleet';
  readonly wantedPods: number;
  readonly readyPods: number;
  /** They run the newest configuration. */
  readonly programmedPods: number;
  /** Of the newest pod template, ready or not; undefined: the operator is older than this field. */
  readonly updatedPods: number | undefined;
  /** They finish the sessions that they have. */
  readonly endingPods: number;
  /** That every relay runs; undefined: some are being replaced. */
  readonly image: string | undefined;
  readonly nodes: number | undefined;
  readonly addresses: readonly string[];
  readonly hostname: string | undefined;
  readonly outbound: string;
  readonly revision: string | undefined;
  readonly paused: boolean;
}

export interface DomainFacts {
  readonly kind: 'SharedDomain';
  readonly domain: string;
  readonly tenants: number | undefined;
  readonly addresses: number | undefined;
  readonly fleet: string;
  readonly unresolved: string;
}

export interface RouteFacts {
  readonly kind: 'TenantRoute';
  readonly domains: readonly string[];
  readonly sharedDomains: readonly string[];
  /** `mail.tenant1.example:25`, or `MX of tenant1.example`. */
  readonly nextHops: readonly string[];
  readonly tls: string;
}

export interface RuleFacts {
  readonly kind: 'RewriteRule';
  readonly sharedDomain: string;
  readonly tenantRoute: string;
  readonly entries: number | undefined;
  readonly rejected: number | undefined;
  readonly direction: string;
  readonly mode: string;
}

export type Facts = FleetFacts | DomainFacts | RouteFacts | RuleFacts;

/** What an operator makes of a fleet that says neither replicas nor autoscaling. */
const REPLICAS = 3;
const SMTP = 25;

export function factsOf(kind: Kind, object: KubeObject, oldestDomain: string | undefined): Facts {
  switch (kind) {
    case 'RelayFleet':
      return fleetFacts(object, oldestDomain);
    case 'SharedDomain':
      return {
        kind,
        domain: textOf(object, 'spec', 'domain') ?? '',
        tenants: numberOf(object, 'status', 'tenantCount'),
        addresses: numberOf(object, 'status', 'addressCount'),
        fleet: textOf(object, 'spec', 'fleetRef', 'name') ?? DEFAULT_FLEET,
        unresolved: textOf(object, 'spec', 'unresolvedRecipients', 'action') ?? 'Reject',
      };
    case 'TenantRoute':
      return {
        kind,
        domains: texts(listOf(object, 'spec', 'domains')),
        sharedDomains: texts(listOf(object, 'spec', 'sharedDomainRefs').map((each) => fieldOf(each, 'name'))),
        nextHops: nextHopsOf(object),
        tls: textOf(object, 'spec', 'nextHop', 'tls', 'mode') ?? 'Opportunistic',
      };
    case 'RewriteRule':
      return {
        kind,
        sharedDomain: textOf(object, 'spec', 'sharedDomainRef', 'name') ?? '',
        tenantRoute: textOf(object, 'spec', 'tenantRouteRef', 'name') ?? '',
        entries: numberOf(object, 'status', 'entries'),
        rejected: numberOf(object, 'status', 'rejectedEntries'),
        direction: textOf(object, 'spec', 'direction') ?? directionOf(object),
        mode: textOf(object, 'spec', 'mode') ?? 'Enforce',
      };
  }
}

function fleetFacts(object: KubeObject, oldestDomain: string | undefined): FleetFacts {
  const scaled = numberOf(object, 'status', 'replicas') ?? numberOf(object, 'spec', 'autoscaling', 'minReplicas');
  return {
    kind: 'RelayFleet',
    wantedPods: numberOf(object, 'spec', 'replicas') ?? scaled ?? REPLICAS,
    readyPods: numberOf(object, 'status', 'readyReplicas') ?? 0,
    programmedPods: numberOf(object, 'status', 'programmedReplicas') ?? 0,
    updatedPods: numberOf(object, 'status', 'updatedReplicas'),
    endingPods: numberOf(object, 'status', 'terminatingReplicas') ?? 0,
    image: textOf(object, 'status', 'image'),
    nodes: numberOf(object, 'status', 'nodesWithPods'),
    addresses: texts(listOf(object, 'status', 'addresses').map((each) => fieldOf(each, 'value'))),
    hostname: textOf(object, 'spec', 'hostname') ?? (oldestDomain && `relay.${oldestDomain}`),
    outbound: textOf(object, 'spec', 'outbound', 'route') ?? 'MX',
    revision: textOf(object, 'status', 'revision'),
    paused: fieldOf(object, 'spec', 'paused') === true,
  };
}

function nextHopsOf(object: KubeObject): string[] {
  const mxOf = textOf(object, 'spec', 'nextHop', 'mxOf');
  if (mxOf !== undefined) return [`MX of ${mxOf}`];
  return listOf(object, 'spec', 'nextHop', 'hosts').map(
    (each) => `${textOf(each, 'host') ?? ''}:${numberOf(each, 'port') ?? SMTP}`,
  );
}

/** As for whoever leaves spec.direction out. */
function directionOf(object: KubeObject): string {
  return textOf(object, 'spec', 'domain', 'subdomains') === 'Include' ? 'OutboundOnly' : 'Both';
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string');
}
