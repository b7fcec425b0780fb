/** Makes one set of documents of several folders: a later folder replaces what an earlier one calls by the same name. */

import {
  identity,
  type ManifestDocument,
  type ManifestProblem,
  type Manifests,
  type ParsedFile,
  type ParsedFolder,
} from './document.ts';

export interface Duplicate {
  readonly first: ManifestDocument;
  readonly second: ManifestDocument;
}

/** Pairs of one kind, namespace and name; the first is the one that comes first by file name and line. */
export function duplicates(files: readonly ParsedFile[]): Duplicate[] {
  const seen = new Map<string, ManifestDocument>();
  const found: Duplicate[] = [];
  for (const document of files.flatMap((file) => file.documents)) {
    const first = seen.get(identity(document));
    if (first === undefined) seen.set(identity(document), document);
    else found.push({ first, second: document });
  }
  return found;
}

export function duplicateProblem({ first, second }: Duplicate): ManifestProblem {
  const { kind, name, file } = second;
  const message = `${kind} ${name} is there twice: ${first.file}:${first.line} has it already; remove or rename one`;
  return { file, line: second.lineOf(['metadata', 'name']), path: ['metadata', 'name'], message };
}

export function combine(folders: readonly ParsedFolder[]): Manifests {
  const documents = new Map<string, ManifestDocument>();
  const problems: ManifestProblem[] = [];
  for (const { files, problems: ofFolder } of folders) {
    problems.push(...ofFolder, ...files.flatMap((file) => file.problems), ...duplicates(files).map(duplicateProblem));
    const own = new Map<string, ManifestDocument>();
    for (const document of files.flatMap((file) => file.documents)) {
      if (!own.has(identity(document))) own.set(identity(document), document);
    }
    for (const [id, document] of own) documents.set(id, document);
  }
  const notes = folders.flatMap(({ files }) => files.flatMap((file) => file.notes));
  return { documents: [...documents.values()], problems, notes };
}
