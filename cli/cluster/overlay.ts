/** Files laid over what a cluster holds, as an apply would: which objects would be new, which would change. */

import type { Problem } from '../../crds/problem.ts';
import type { IsthmusResource } from '../../crds/v1alpha1/kinds.ts';
import { canonical } from '../../operator/slots/parts.ts';
import { CommandLineError } from '../command-line.ts';
import type { DiagnosedDocument, DiagnosedManifests } from '../diagnosis.ts';
import { DEFAULT_NAMESPACE, identity, type ManifestDocument, type Manifests } from '../manifests/document.ts';
import { checkTransition } from './transitions.ts';

/** Documents without a namespace go where kubectl would put them. `chosen`: what -n says. */
export function inNamespace(manifests: Manifests, home: string, chosen: string | undefined): Manifests {
  const documents = manifests.documents.map((document) => {
    const own = ownNamespace(document);
    if (own !== undefined && chosen !== undefined && own !== chosen) {
      const { file, line, kind, name } = document;
      throw new CommandLineError(
        `${file}:${line}: ${kind} ${name} is of namespace ${own}, not of ${chosen}`,
        'leave -n out, or remove metadata.namespace there',
      );
    }
    return own === undefined ? moved(document, home) : document;
  });
  return { ...manifests, documents };
}

function ownNamespace({ value, namespace }: ManifestDocument): string | undefined {
  if (namespace !== DEFAULT_NAMESPACE) return namespace;
  const { metadata } = value as { readonly metadata?: { readonly namespace?: unknown } };
  return metadata?.namespace === namespace ? namespace : undefined;
}

function moved(document: ManifestDocument, namespace: string): ManifestDocument {
  const { content } = document;
  switch (content.type) {
    case 'data':
      return { ...document, namespace };
    case 'invalid':
      return { ...document, namespace, content: { ...content, invalid: { ...content.invalid, namespace } } };
    case 'resource': {
      const metadata = { ...content.resource.metadata, namespace };
      const resource = { ...content.resource, metadata } as IsthmusResource;
      return { ...document, namespace, content: { ...content, resource } };
    }
  }
}

export type Fate = 'New' | 'Changed' | 'Same' | 'Refused';

export interface Laid {
  /** Everything that would be there. */
  readonly manifests: DiagnosedManifests;
  /** By identity(), of each document of the files. */
  readonly fates: ReadonlyMap<string, Fate>;
  /** By identity(): as it is now. */
  readonly before: ReadonlyMap<string, DiagnosedDocument>;
  /** Changes that the API server refuses because of what is there. */
  readonly refused: readonly { readonly document: ManifestDocument; readonly problem: Problem }[];
}

export function layOver(cluster: DiagnosedManifests, files: Manifests): Laid {
  const before = new Map(cluster.documents.map((document) => [identity(document), document]));
  const all = new Map(before);
  const fates = new Map<string, Fate>();
  const refused: Laid['refused'][number][] = [];
  for (const document of files.documents) {
    const id = identity(document);
    const known = before.get(id);
    const problems = transitionOf(known, document);
    refused.push(...problems.map((problem) => ({ document, problem })));
    // What the API server refuses leaves everything as it is.
    if (document.content.type === 'invalid' || problems.length > 0) {
      fates.set(id, 'Refused');
      continue;
    }
    fates.set(id, known === undefined ? 'New' : sameContent(known, document) ? 'Same' : 'Changed');
    all.set(id, known === undefined ? document : withServerMetadata(document, known));
  }
  const present = new Set([...all.values()].map(({ file }) => file));
  // Of what the files replace nothing is said any more.
  const problems = [...cluster.problems.filter(({ file }) => present.has(file)), ...files.problems];
  const notes = [...cluster.notes, ...files.notes];
  return { manifests: { documents: [...all.values()], problems, notes }, fates, before, refused };
}

function transitionOf(known: DiagnosedDocument | undefined, { content }: ManifestDocument): Problem[] {
  if (known?.content.type !== 'resource' || content.type !== 'resource') return [];
  return checkTransition(known.content.resource, content.resource);
}

/** An apply leaves an object's age alone, which decides who holds a name. */
function withServerMetadata(document: ManifestDocument, known: DiagnosedDocument): ManifestDocument {
  const { content } = document;
  const creationTimestamp = createdAt(known);
  if (creationTimestamp === undefined || content.type !== 'resource') return document;
  const metadata = { ...content.resource.metadata, creationTimestamp };
  return { ...document, content: { ...content, resource: { ...content.resource, metadata } as IsthmusResource } };
}

function createdAt({ content }: DiagnosedDocument): string | undefined {
  switch (content.type) {
    case 'resource':
      return content.resource.metadata.creationTimestamp;
    case 'invalid':
      return content.invalid.creationTimestamp;
    case 'data':
      return undefined;
  }
}

function sameContent({ content: a }: DiagnosedDocument, { content: b }: DiagnosedDocument): boolean {
  if (a.type === 'resource' && b.type === 'resource') return canonical(a.resource.spec) === canonical(b.resource.spec);
  if (a.type !== 'data' || b.type !== 'data') return false;
  const names = Object.keys(a.data);
  const { data } = b;
  return (
    names.length === Object.keys(data).length &&
    names.every(
      (name) => data[name] !== undefined && Buffer.compare(data[name], a.data[name] ?? new Uint8Array()) === 0,
    )
  );
}
