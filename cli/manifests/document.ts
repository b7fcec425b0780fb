/** What reading manifests gives: documents with their place in a file, problems and notes. */

import type { InvalidResource } from '../../operator/compile/input.ts';
import { formatPath, type Path } from '../../crds/problem.ts';
import type { IsthmusResource, Kind } from '../../crds/v1alpha1/kinds.ts';

/** Where an object lives that names no namespace, as for kubectl. */
export const DEFAULT_NAMESPACE = 'default';

export type DocumentKind = Kind | 'Secret' | 'ConfigMap';

export type Content =
  | { readonly type: 'resource'; readonly resource: IsthmusResource }
  | {
      readonly type: 'data';
      /** `data`, `stringData` and `binaryData` in one, decoded. */
      readonly data: Readonly<Record<string, Uint8Array>>;
    }
  /** It is known what the object is, but its schema refuses it. */
  | { readonly type: 'invalid'; readonly invalid: InvalidResource };

/** Something in a file, by its field path. */
export interface Located {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The parsed value, as it was written. */
  readonly value: unknown;
  /** The line of a field; of the nearest field around it when the field is not there. */
  lineOf(path: Path): number;
}

export interface ManifestDocument extends Located {
  readonly kind: DocumentKind;
  readonly namespace: string;
  readonly name: string;
  readonly content: Content;
}

export interface ManifestProblem {
  readonly file: string;
  /** undefined: the whole file or folder. */
  readonly line: number | undefined;
  /** Empty: the whole document. */
  readonly path: Path;
  readonly message: string;
}

/** Nothing is wrong, but somebody may wonder. */
export interface ManifestNote {
  readonly file: string;
  readonly line: number | undefined;
  readonly message: string;
}

export interface ParsedFile {
  readonly name: string;
  readonly documents: readonly ManifestDocument[];
  /** A file with a problem is bad as a whole: half of it is not what its author meant. */
  readonly problems: readonly ManifestProblem[];
  readonly notes: readonly ManifestNote[];
}

export interface ParsedFolder {
  readonly folder: string;
  readonly files: readonly ParsedFile[];
  /** About the folder itself: missing, unreadable. */
  readonly problems: readonly ManifestProblem[];
}

export interface Manifests {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly ManifestProblem[];
  readonly notes: readonly ManifestNote[];
}

/** What two documents must not both be. */
export function identity(document: Pick<ManifestDocument, 'kind' | 'namespace' | 'name'>): string {
  return `${document.kind} ${document.namespace}/${document.name}`;
}

/** `file:line: field.path: message`, which editors and terminals make a link of. */
export function formatManifestProblem(problem: ManifestProblem): string {
  return [
    problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`,
    ...(problem.path.length === 0 ? [] : [formatPath(problem.path)]),
    problem.message,
  ].join(': ');
}

export function formatManifestNote(note: ManifestNote): string {
  return formatManifestProblem({ ...note, path: [] });
}
