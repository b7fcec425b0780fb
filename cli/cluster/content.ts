/** Reads from a cluster what compile needs: the four kinds, what they refer to, and what could not be read and why. */

import { formatProblem } from '../../crds/problem.ts';
import type { IsthmusResource, Kind } from '../../crds/v1alpha1/kinds.ts';
import { validateResource } from '../../crds/validate.ts';
import { type ObjectReference, references } from '../../operator/compile/references.ts';
import type { Api, KubeObject } from '../../operator/kube/api.ts';
import { CONFIG_MAP, SECRET } from '../../operator/reconcile/kinds.ts';
import type { DiagnosedDocument, DiagnosedManifests } from '../diagnosis.ts';
import { readDataObject } from '../manifests/data-object.ts';
import { identity, type ManifestProblem } from '../manifests/document.ts';
import { refusal } from './refusal.ts';
import { listingOf, listResources, type Scope } from './resources.ts';

export interface ClusterContent extends DiagnosedManifests {
  /** By identity(): what exists perhaps and could not be read, and why. */
  readonly unread: ReadonlyMap<string, Unread>;
}

export interface Unread extends ObjectReference {
  readonly namespace: string;
  readonly why: string;
}

/** Throws a CommandLineError when one of the four kinds cannot be read: without it every answer would be wrong. */
export async function readResources(api: Api, scopes: readonly Scope[]): Promise<DiagnosedManifests> {
  const documents: DiagnosedDocument[] = [];
  const problems: ManifestProblem[] = [];
  for (const scope of scopes) {
    const { objects, forbidden } = await listResources(api, scope);
    const [refused] = forbidden;
    if (refused !== undefined) throw refusal(refused.failure, listingOf(refused.kind, scope));
    for (const object of objects) {
      const { document, found } = readResource(object);
      documents.push(document);
      problems.push(...found);
    }
  }
  return { documents, problems, notes: [] };
}

/** The API server has checked it against the schema that is installed, which may be another version's. */
function readResource(object: KubeObject): { document: DiagnosedDocument; found: ManifestProblem[] } {
  const { name, namespace = '', creationTimestamp } = object.metadata;
  const kind = object.kind as Kind;
  const file = placeOf({ kind, namespace, name });
  const base = { kind, namespace, name, file };
  const validation = validateResource(object);
  if (validation.ok) {
    return { document: { ...base, content: { type: 'resource', resource: validation.resource } }, found: [] };
  }
  const problems = validation.problems.map(formatProblem);
  const invalid = { kind, namespace, name, creationTimestamp, spec: object['spec'], problems };
  const found = validation.problems.map(({ path, message }) => ({ file, line: undefined, path, message }));
  return { document: { ...base, content: { type: 'invalid', invalid } }, found };
}

/** `mail/TenantRoute/tenant1`: what stands where a file has its name. */
export function placeOf({ namespace, kind, name }: Pick<DiagnosedDocument, 'namespace' | 'kind' | 'name'>): string {
  return `${namespace}/${kind}/${name}`;
}

/** Adds the Secrets and ConfigMaps that the resources refer to and that are not among them. */
export async function withReferences(api: Api, manifests: DiagnosedManifests): Promise<ClusterContent> {
  const known = new Set(manifests.documents.map(identity));
  const wanted = new Map<string, ObjectReference & { readonly namespace: string }>();
  for (const { content } of manifests.documents) {
    if (content.type !== 'resource') continue;
    for (const reference of referencesOf(content.resource)) {
      const id = identity(reference);
      if (!known.has(id)) wanted.set(id, reference);
    }
  }
  const documents = [...manifests.documents];
  const unread = new Map<string, Unread>();
  await Promise.all(
    [...wanted].map(async ([id, reference]) => {
      const { kind, namespace, name } = reference;
      const answer = await api.get(kind === 'Secret' ? SECRET : CONFIG_MAP, namespace, name);
      if (answer.ok) {
        const { data } = readDataObject(kind, { ...answer.value });
        documents.push({ kind, namespace, name, file: placeOf(reference), content: { type: 'data', data } });
      } else if (answer.status !== 404) {
        const why = answer.status === 403 ? 'you may not read it' : answer.message;
        unread.set(id, { ...reference, why });
      }
    }),
  );
  return { ...manifests, documents, unread };
}

export function referencesOf(resource: IsthmusResource): (ObjectReference & { readonly namespace: string })[] {
  const { namespace = '' } = resource.metadata;
  return references(resource).map((reference) => ({ ...reference, namespace }));
}
