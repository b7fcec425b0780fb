/** The fields of a status that only one kind has. */

import type { ResourceStatus } from '../compile/result.ts';
import type { StatusFacts } from './facts.ts';
import { answerOf, isServing } from './pod-answers.ts';
import type { RolledOut } from './rolled-out.ts';

/** The schema's bound; a Service has one or two. */
const ADDRESSES = 16;

/** Fields that are not known are left out. */
export function kindFields(
  facts: StatusFacts,
  compiled: ResourceStatus,
  rollout: RolledOut | undefined,
): Record<string, unknown> {
  switch (facts.subject.kind) {
    case 'RelayFleet':
      return fleetFields(facts, rollout?.cause.status === 'True');
    case 'SharedDomain':
      return present({ tenantCount: compiled.tenantCount, addressCount: compiled.addressCount });
    case 'TenantRoute':
      return {};
    case 'RewriteRule':
      return present({
        entries: compiled.entries,
        rejectedEntries: compiled.rejectedEntries,
        sources: tableSources(compiled),
      });
  }
}

/** A table that was not found has no version: ResolvedRefs speaks of it. */
export function tableSources({ sources }: ResourceStatus): ResourceStatus['sources'] {
  return sources?.filter(({ resourceVersion }) => resourceVersion !== undefined);
}

function fleetFields({ fleet, workload, now }: StatusFacts, isRolledOut: boolean): Record<string, unknown> {
  const serving = fleet?.pods.filter(isServing) ?? [];
  const programmed = serving.filter(
    (pod) => fleet !== undefined && answerOf(fleet, pod, now)?.running === fleet.revision,
  );
  return present({
    // A Deployment that is not there has no pods; unset, kubectl scale and autoscalers could not read it.
    replicas: workload?.deployment?.replicas ?? 0,
    readyReplicas: workload?.deployment?.readyReplicas ?? 0,
    programmedReplicas: programmed.length,
    updatedReplicas: workload?.deployment?.updatedReplicas ?? 0,
    terminatingReplicas: fleet?.pods.filter(({ terminating }) => terminating).length ?? 0,
    image: isRolledOut ? workload?.rollout.image : undefined,
    selector: workload?.selector,
    addresses: workload?.addresses?.slice(0, ADDRESSES),
    nodesWithPods: new Set(serving.flatMap(({ node }) => node ?? [])).size,
    revision: fleet?.revision,
  });
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
