/** Says of one object whether it works, why not, and what to do. */

import type { KubeObject } from '../operator/kube/api.ts';
import { adviceFor, type Place } from './status-advice.ts';
import { conditionsOf, numberOf, type StatedCondition } from './status-fields.ts';

export type Health =
  | 'Ready'
  /** It may become ready by itself. */
  | 'Waiting'
  /** Somebody has to do something. */
  | 'Broken'
  /** No operator has looked at it. */
  | 'Unobserved';

export interface Trouble {
  readonly reason: string;
  readonly message: string;
  /** What to do; undefined: not known. */
  readonly advice: string | undefined;
  /** Since when, RFC 3339; undefined: not known. */
  readonly since: string | undefined;
}

export interface Condition {
  readonly health: Health;
  /** Why it is not ready. */
  readonly trouble: Trouble | undefined;
  /** It works, and somebody should look. */
  readonly remarks: readonly Trouble[];
}

/** In the order in which one follows from the other. */
const STEPS = ['Accepted', 'ResolvedRefs', 'Programmed', 'Ready'];
/** There only while True. */
const REMARKS = ['Conflicted', 'PartiallyInvalid', 'NextHopRefusesUs', 'ClientAddressHidden'];

export function healthOf(object: KubeObject, place: Place): Condition {
  const { generation = 0, creationTimestamp } = object.metadata;
  const observed = numberOf(object, 'status', 'observedGeneration') ?? -1;
  const conditions = conditionsOf(object);
  const toTrouble = (condition: StatedCondition): Trouble => ({
    reason: condition.reason,
    message: condition.message,
    advice: adviceFor(condition.reason, place),
    since: condition.lastTransitionTime === '' ? undefined : condition.lastTransitionTime,
  });
  const remarks = conditions.filter(({ type, status }) => REMARKS.includes(type) && status === 'True').map(toTrouble);
  // A fleet whose old pods serve is Ready while new ones do not start, for as long as that lasts.
  const rollout = conditions.filter(({ type, status }) => type === 'RolledOut' && status === 'False').map(toTrouble);
  if (observed < 0 || conditions.length === 0) {
    const trouble: Trouble = {
      reason: 'Unobserved',
      message: 'No operator has looked at it: is it installed, and does it watch this namespace?',
      advice: 'see where it runs and what it says: kubectl get pods -A -l app.kubernetes.io/name=isthmus',
      since: creationTimestamp,
    };
    return { health: 'Unobserved', trouble, remarks: [] };
  }
  if (observed < generation) {
    const trouble: Trouble = {
      reason: 'Outdated',
      message: 'The operator has not looked at the last change yet.',
      advice: 'wait some seconds; if it stays so, the operator does not run or cannot write',
      since: undefined,
    };
    return { health: 'Waiting', trouble, remarks };
  }
  const isTrue = (type: string) => conditions.some((each) => each.type === type && each.status === 'True');
  if (isTrue('Ready')) return { health: 'Ready', trouble: undefined, remarks: [...rollout, ...remarks] };
  const failing = STEPS.flatMap((type) => conditions.filter((each) => each.type === type && each.status !== 'True'));
  // That no pod is ready follows from the Deployment, of which only Ready speaks: an image that no node has, for instance.
  const workload = failing.find(({ reason }) => reason === 'DeploymentUnavailable');
  const cause = failing[0]?.reason === 'NoReadyPods' ? (workload ?? failing[0]) : failing[0];
  const trouble = cause === undefined ? { ...NO_CONDITION, since: undefined } : toTrouble(cause);
  const stays = isTrue('Stalled') || (cause?.type === 'Accepted' && !isTrue('Reconciling'));
  return { health: stays ? 'Broken' : 'Waiting', trouble, remarks };
}

/** Written by nobody: an operator writes Ready in any case. */
const NO_CONDITION = {
  reason: 'Unknown',
  message: 'Its status does not say whether it is ready.',
  advice: 'see its conditions with kubectl describe',
};
