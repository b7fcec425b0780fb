/** The objects that run a fleet: kept as they should be, and what their state means for the fleet. */

import type { RelayFleetSpec } from '../../crds/v1alpha1/relay-fleet.ts';
import type { CompiledFleet } from '../compilation/compiler.ts';
import type { KubeObject } from '../kube/api.ts';
import { deployment } from '../manifests/deployment.ts';
import { DEFAULT_REPLICAS, type FleetIdentity, type ManifestInput } from '../manifests/input.ts';
import { FIELD_MANAGER, selectorLabels, workloadName } from '../manifests/names.ts';
import { fleetObjects, WORKLOAD_TYPES } from '../manifests/object-set.ts';
import { stuckPods } from '../pods/relay-pods.ts';
import type { RelayPod } from '../rollout/pods.ts';
import type { WorkloadFacts } from '../status/facts.ts';
import { type DeploymentShape, deploymentFacts, notMade } from './deployment-facts.ts';
import { isWritten, ObjectSet, type Trouble } from './object-set.ts';
import type { Surroundings } from './surroundings.ts';

export interface WorkloadInput {
  readonly fleet: FleetIdentity & { readonly spec: RelayFleetSpec };
  readonly compiled: CompiledFleet;
  /** The relay's image where the fleet names none. */
  readonly relayImage: string;
}

export class FleetWorkload {
  readonly #around: Surroundings;
  readonly #objects: ObjectSet;
  #troubles: readonly Trouble[] = [];
  /** That its turn allows, as it was kept last. */
  #relayImage: string | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
    const { api, world, assertLeader, now } = around;
    this.#objects = new ObjectSet({ api, assertLeader, now, cacheOf: (type) => world.workload(type) });
  }

  /** What cannot be written keeps nothing else from being done. Answers in how many milliseconds it is tried again. */
  async keep({ fleet, compiled, relayImage }: WorkloadInput): Promise<number | undefined> {
    const { log, world } = this.#around;
    const wanted = fleetObjects(this.#manifestInput({ fleet, compiled, relayImage }));
    this.#relayImage = relayImage;
    const applied = await this.#objects.apply(wanted);
    const pruned = await this.#objects.prune(world.ownObjects(fleet.namespace, fleet.name), wanted);
    const monitor = WORKLOAD_TYPES.ServiceMonitor;
    const isUnwanted = world.serviceMonitors && wanted.every(({ type }) => type !== monitor);
    const removed = isUnwanted
      ? await this.#objects.removeUnwatched(monitor, fleet.namespace, workloadName(fleet.name))
      : [];
    const troubles = [...applied, ...pruned, ...removed];
    const before = new Set(this.#troubles.map(({ text }) => text));
    for (const { text } of troubles) {
      if (!before.has(text)) log.warn({ namespace: fleet.namespace, fleet: fleet.name, reason: text }, 'not written');
    }
    this.#troubles = troubles;
    const times = troubles.flatMap(({ againAt }) => againAt ?? []);
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - this.#around.now());
  }

  /** Of the relay container; undefined: there is no Deployment yet. */
  liveImage({ namespace, name }: FleetIdentity): string | undefined {
    const live = this.#around.world.workload(WORKLOAD_TYPES.Deployment)?.get(namespace, workloadName(name));
    return imageOf(live);
  }

  /** The Deployment as it was written last has replaced every pod of an earlier one. */
  isRolledOut({ namespace, name }: FleetIdentity): boolean {
    const live = this.#around.world.workload(WORKLOAD_TYPES.Deployment)?.get(namespace, workloadName(name));
    if (live === undefined) return true;
    const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = (live as DeploymentShape).status ?? {};
    return observedGeneration >= (live.metadata.generation ?? 0) && updatedReplicas === replicas;
  }

  /** `others`: what stands in the way besides the objects. `compiled` undefined: nothing was made of this fleet yet. */
  facts(
    fleet: WorkloadInput['fleet'],
    compiled: CompiledFleet | undefined,
    pods: readonly RelayPod[],
    others: readonly Trouble[],
  ): WorkloadFacts {
    const { world } = this.#around;
    const name = workloadName(fleet.name);
    const live = world.workload(WORKLOAD_TYPES.Deployment)?.get(fleet.namespace, name);
    const service = world.workload(WORKLOAD_TYPES.Service)?.get(fleet.namespace, name);
    const troubles = [...this.#troubles, ...others];
    return {
      deployment: live && deploymentFacts(live),
      rollout: this.#rolloutFacts(fleet, compiled, live),
      addresses: service && serviceAddresses(service),
      addressExpected: fleet.spec.service.type === 'LoadBalancer',
      selector: Object.entries(selectorLabels(fleet.name))
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
      troubles: troubles.map(({ text }) => text),
      stuck: [...notMade(live), ...stuckPods(pods)],
      refused: troubles.filter(({ refused }) => refused).map(({ text }) => text),
      remarks: fleet.spec.tls.secretRef === undefined ? [SELF_SIGNED] : [],
      clientAddressHidden: this.#clientAddressHidden(fleet),
    };
  }

  #rolloutFacts(
    fleet: WorkloadInput['fleet'],
    compiled: CompiledFleet | undefined,
    live: KubeObject | undefined,
  ): WorkloadFacts['rollout'] {
    const { relayImage } = this.#around.settings;
    const wanted = compiled && deployment(this.#manifestInput({ fleet, compiled, relayImage }));
    const isLate = fleet.spec.image === undefined && (this.#relayImage ?? relayImage) !== relayImage;
    return {
      image: imageOf(live) ?? '',
      isApplied: wanted !== undefined && live !== undefined && isWritten(wanted, live),
      waitsFor: isLate ? relayImage : undefined,
    };
  }

  #manifestInput({ fleet, compiled, relayImage }: WorkloadInput): ManifestInput {
    const { settings, operatorNamespace, clusterResolvers = [], world } = this.#around;
    return {
      fleet,
      settings: { ...settings, relayImage },
      operatorNamespace,
      clusterResolvers,
      compiled,
      replicas: this.#replicas(fleet),
      serviceMonitors: world.serviceMonitors,
      serviceFamilies: this.#serviceFamilies(fleet),
    };
  }

  /** undefined: somebody else owns the field. Until an autoscaler does, leaving it out would mean 1. */
  #replicas({ namespace, name, spec }: WorkloadInput['fleet']): number | undefined {
    const live = this.#around.world.workload(WORKLOAD_TYPES.Deployment)?.get(namespace, workloadName(name));
    if (spec.autoscaling === undefined) return spec.replicas ?? DEFAULT_REPLICAS;
    if (live !== undefined && isOwnedByAnother(live)) return undefined;
    return liveReplicas(live) ?? spec.autoscaling.minReplicas;
  }

  #serviceFamilies({ namespace, name }: FleetIdentity): readonly string[] {
    const live = this.#around.world.workload(WORKLOAD_TYPES.Service)?.get(namespace, workloadName(name));
    return (live as ServiceShape | undefined)?.spec?.ipFamilies ?? [];
  }

  #clientAddressHidden({ namespace, name, spec }: WorkloadInput['fleet']): string | undefined {
    if (spec.service.externalTrafficPolicy === 'Local' || spec.proxyProtocol.mode !== 'Disabled') return undefined;
    const routes = this.#around.world.resources.get('TenantRoute')?.all() ?? [];
    const byAddress = [...routes].filter((route) => {
      if (route.metadata.namespace !== namespace) return false;
      const sources = (route['spec'] as { sources?: { cidrs?: unknown[] }[] } | undefined)?.sources ?? [];
      return sources.some(({ cidrs }) => cidrs !== undefined && cidrs.length > 0);
    });
    if (byAddress.length === 0) return undefined;
    const names = byAddress.map(({ metadata }) => metadata.name).slice(0, 10);
    return (
      `externalTrafficPolicy Cluster of fleet "${name}" hides clients behind nodes, and these TenantRoutes know their ` +
      `sources by address: ${names.join(', ')}. Set spec.service.externalTrafficPolicy to Local.`
    );
  }
}

const SELF_SIGNED =
  'The certificate is self-signed: senders who verify it, such as a connector of Exchange Online, will refuse it. ' +
  'Name a kubernetes.io/tls Secret in spec.tls.secretRef.';

function imageOf(live: KubeObject | undefined): string | undefined {
  return (live as DeploymentShape | undefined)?.spec?.template?.spec?.containers?.[0]?.image;
}

function liveReplicas(object: KubeObject | undefined): number | undefined {
  return (object as DeploymentShape | undefined)?.spec?.replicas;
}

function isOwnedByAnother({ metadata }: KubeObject): boolean {
  return (metadata.managedFields ?? []).some(({ manager, fieldsV1 }) => {
    const spec = (fieldsV1 as { 'f:spec'?: Record<string, unknown> } | undefined)?.['f:spec'];
    return manager !== FIELD_MANAGER && spec?.['f:replicas'] !== undefined;
  });
}

interface ServiceShape {
  readonly spec?: {
    readonly type?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly string[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { ip?: string; hostname?: string }[] } };
}

function serviceAddresses(object: KubeObject): NonNullable<WorkloadFacts['addresses']> {
  const { spec, status } = object as ServiceShape;
  if (spec?.type !== 'LoadBalancer') {
    const addresses = (spec?.clusterIPs ?? []).filter((value) => value !== 'None');
    return addresses.map((value) => ({ type: 'IPAddress' as const, value }));
  }
  const ingress = status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap(({ ip, hostname }): NonNullable<WorkloadFacts['addresses']> => {
    if (ip !== undefined) return [{ type: 'IPAddress', value: ip }];
    return hostname === undefined ? [] : [{ type: 'Hostname', value: hostname }];
  });
}
