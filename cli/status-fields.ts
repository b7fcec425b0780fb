/** Reads fields of objects as a cluster holds them: whoever wrote them, no shape is taken for granted. */

import type { Condition } from '../crds/v1alpha1/conditions.ts';
import type { KubeObject } from '../operator/kube/api.ts';

/** `fieldOf(object, 'spec', 'nextHop', 'hosts', 0)`; undefined where there is none. */
export function fieldOf(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = Reflect.get(here, part);
  }
  return here;
}

export function textOf(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const found = fieldOf(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function numberOf(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = fieldOf(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

export function listOf(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = fieldOf(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Of a condition: its type, reason and message need not be of this version's lists. */
export interface StatedCondition extends Omit<Condition<string>, 'reason'> {
  readonly reason: string;
}

export function conditionsOf(object: KubeObject): readonly StatedCondition[] {
  return listOf(object, 'status', 'conditions').map((each) => ({
    type: textOf(each, 'type') ?? '',
    status: statusOf(textOf(each, 'status')),
    reason: textOf(each, 'reason') ?? '',
    message: textOf(each, 'message') ?? '',
    lastTransitionTime: textOf(each, 'lastTransitionTime') ?? '',
    observedGeneration: numberOf(each, 'observedGeneration') ?? -1,
  }));
}

function statusOf(text: string | undefined): StatedCondition['status'] {
  return text === 'True' || text === 'False' ? text : 'Unknown';
}
