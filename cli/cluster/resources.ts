/** Lists the four kinds of a cluster as they are stored there. */

import { type Kind, KINDS, SCHEMAS } from '../../crds/v1alpha1/kinds.ts';
import type { Api, ApiFailure, KubeObject } from '../../operator/kube/api.ts';
import { RESOURCES } from '../../operator/reconcile/kinds.ts';
import { listRefusal } from './refusal.ts';

/** Where to look; undefined: in every namespace. */
export type Scope = string | undefined;

export interface Refused {
  readonly kind: Kind;
  readonly failure: ApiFailure;
}

export interface Listed {
  readonly objects: readonly KubeObject[];
  /** Kinds that this user may not list. */
  readonly forbidden: readonly Refused[];
}

/** Throws a CommandLineError when the cluster cannot be asked; a kind that may not be listed is no such case. */
export async function listResources(api: Api, scope: Scope): Promise<Listed> {
  const answers = await Promise.all(
    KINDS.map(async (kind) => ({ kind, answer: await api.list(RESOURCES[kind], scope) })),
  );
  const objects: KubeObject[] = [];
  const forbidden: Refused[] = [];
  for (const { kind, answer } of answers) {
    if (answer.ok) objects.push(...answer.value.map((object) => ({ ...object, kind })));
    else if (answer.status === 403) forbidden.push({ kind, failure: answer });
    else throw await listRefusal(api, answer, listingOf(kind, scope));
  }
  return { objects, forbidden };
}

/** `list shareddomains in namespace mail`. */
export function listingOf(kind: Kind, scope: Scope): string {
  return `list ${SCHEMAS[kind].plural} ${placeOf(scope)}`;
}

export function placeOf(scope: Scope): string {
  return scope === undefined ? 'in all namespaces' : `in namespace ${scope}`;
}
