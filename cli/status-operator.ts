/** Whether an operator stands behind what statuses say: it renews a Lease every two seconds. */

import type { Api, KubeObject } from '../operator/kube/api.ts';
import { LEASE, OPERATOR_LEASE } from '../operator/kube/lease.ts';
import type { Scope } from './cluster/resources.ts';
import { textOf } from './status-fields.ts';

/** Nobody has renewed it for long. */
export interface AwayOperator {
  readonly namespace: string;
  readonly lease: string;
  /** RFC 3339. */
  readonly renewed: string;
}

/** Another operator takes over within 17 s, a pod is moved to another node within a minute; clocks differ a little. */
const AWAY_MS = 180_000;

/** Empty where this user may not look, which says nothing. An operator may watch this namespace from another. */
export async function operatorLeases(api: Api, scope: Scope): Promise<readonly KubeObject[]> {
  const list = async (where: Scope) => {
    const answer = await api.list(LEASE, where, { labelSelector: selector });
    return answer.ok ? answer.value : [];
  };
  const here = scope === undefined ? [] : await list(scope);
  return here.length > 0 ? here : await list(undefined);
}

const selector = Object.entries(OPERATOR_LEASE)
  .map(([label, value]) => `${label}=${value}`)
  .join(',');

/** undefined: one of them is renewed, or there is none to tell by. `now`: milliseconds since 1970. */
export function awayOperator(leases: readonly KubeObject[], now: number): AwayOperator | undefined {
  const times = leases.flatMap((lease) => {
    const renewed = textOf(lease, 'spec', 'renewTime');
    const { namespace = '', name } = lease.metadata;
    return renewed === undefined ? [] : [{ namespace, lease: name, renewed }];
  });
  const [last] = times.sort((a, b) => Date.parse(b.renewed) - Date.parse(a.renewed));
  return last !== undefined && now - Date.parse(last.renewed) > AWAY_MS ? last : undefined;
}
