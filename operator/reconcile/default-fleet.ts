/** Makes the fleet named `default` that the chart asks for, and leaves to others what others have set. */

import { API_VERSION } from '../../crds/v1alpha1/metadata.ts';
import { DEFAULT_FLEET } from '../../crds/v1alpha1/references.ts';
import type { ApiFailure, KubeObject } from '../kube/api.ts';
import { DEFAULT_REPLICAS } from '../manifests/input.ts';
import { DEFAULT_FLEET_MANAGER } from '../manifests/names.ts';
import { RESOURCES } from './kinds.ts';
import type { Surroundings } from './surroundings.ts';

type Spec = Readonly<Record<string, unknown>>;

/** Each round leaves at least one field to its holder. */
const ROUNDS = 20;

export async function keepDefaultFleet(around: Omit<Surroundings, 'compiler'>): Promise<ApiFailure | undefined> {
  const { settings, operatorNamespace, api, log } = around;
  if (!settings.defaultFleet.create) return undefined;
  let spec: Spec = withReplicas(settings.defaultFleet.spec);
  let refused: ApiFailure | undefined;
  const left: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    around.assertLeader();
    const object = fleet(operatorNamespace, spec);
    const answer = await api.apply(RESOURCES.RelayFleet, object, { manager: DEFAULT_FLEET_MANAGER, force: false });
    if (answer.ok) {
      if (left.length > 0) tellLeft(around, left, answer.value);
      return undefined;
    }
    refused = answer;
    const held = answer.status === 409 ? heldFields(answer) : [];
    if (held.length === 0) return answer;
    for (const field of held) spec = without(spec, field) as Spec;
    left.push(...held.map((field) => `spec.${field.join('.')}`));
    log.info({ fields: left }, 'fields of the default fleet are held by others and left to them');
  }
  return refused;
}

/** The scale subresource cannot be read while the field is unset. */
function withReplicas(spec: Spec): Spec {
  return spec['replicas'] === undefined && spec['autoscaling'] === undefined
    ? { ...spec, replicas: DEFAULT_REPLICAS }
    : spec;
}

function fleet(namespace: string, spec: Spec): KubeObject {
  const labels = { 'app.kubernetes.io/managed-by': 'isthmus' };
  return { apiVersion: API_VERSION, kind: 'RelayFleet', metadata: { name: DEFAULT_FLEET, namespace, labels }, spec };
}

/** Paths below spec that the API server names in a conflict, `.spec.limits.hops`. */
function heldFields({ message }: ApiFailure): string[][] {
  const paths = [...message.matchAll(/\.spec\.([A-Za-z0-9_.]+)/g)].map(([, path = '']) => path.replace(/\.$/, ''));
  return [...new Set(paths)].map((path) => path.split('.'));
}

function without(value: unknown, [field = '', ...rest]: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { [field]: inner, ...others } = value as Record<string, unknown>;
  // A key with dots in it, as of a label, is not told from a path: its whole map is left to the other then.
  const isPath = rest.length > 0 && typeof inner === 'object' && inner !== null && (rest[0] ?? '') in inner;
  return isPath ? { ...others, [field]: without(inner, rest) } : others;
}

function tellLeft(
  { event, operatorNamespace: namespace }: Pick<Surroundings, 'event' | 'operatorNamespace'>,
  left: string[],
  { metadata }: KubeObject,
): void {
  const fields = [...new Set(left)].join(', ');
  event(
    { kind: 'RelayFleet', namespace, name: DEFAULT_FLEET, uid: metadata.uid },
    'Normal',
    'FieldsLeftToOthers',
    `Somebody else has set ${fields}: the chart's values for them are not used. ` +
      'Set defaultFleet.create to false to manage the whole fleet yourself.',
  );
}
