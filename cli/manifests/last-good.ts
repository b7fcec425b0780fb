/** Keeps, file by file, the last content that was right, so that a mistake in one file changes nothing that runs. */

import { combine, type Duplicate, duplicateProblem, duplicates } from './combine.ts';
import { identity, type ManifestProblem, type Manifests, type ParsedFile, type ParsedFolder } from './document.ts';

const EMPTY: Pick<ParsedFile, 'documents' | 'notes'> = { documents: [], notes: [] };

export interface Kept extends Manifests {
  /** Files of which an earlier content is in force. */
  readonly kept: readonly string[];
}

export class LastGood {
  readonly #good = new Map<string, ParsedFile>();

  /** Takes what was read just now and gives what shall be in force, with all problems of what was read. */
  update(read: readonly ParsedFolder[]): Kept {
    const kept = new Set<string>();
    const folders = read.map((folder) => this.#settle(folder, kept));
    const inForce = new Map(folders.flatMap(({ files }) => files.map((file) => [file.name, file] as const)));
    this.#good.clear();
    for (const [name, { documents, notes }] of inForce) {
      if (!kept.has(name) || documents.length > 0) this.#good.set(name, { name, documents, problems: [], notes });
    }
    return { ...combine(folders), kept: [...kept] };
  }

  #settle({ folder, files, problems }: ParsedFolder, kept: Set<string>): ParsedFolder {
    const settled = new Map<string, ParsedFile>();
    for (const file of files) settled.set(file.name, file.problems.length === 0 ? file : this.#keep(file, [], kept));
    // What could not be listed has not been deleted: only a folder that was read proves that a file is gone.
    for (const problem of problems) {
      for (const [name, file] of this.#good) {
        if (isBelow(name, problem.file) && !settled.has(name)) settled.set(name, this.#keep(file, [], kept));
      }
    }
    // Each round takes one claim back, so there are no more rounds than documents.
    for (;;) {
      const [duplicate] = duplicates([...settled.values()]);
      if (duplicate === undefined) return { folder, files: [...settled.values()], problems };
      const newcomer = this.#newcomer(duplicate);
      const file = settled.get(newcomer) as ParsedFile;
      const again = kept.has(newcomer) ? { ...file, ...EMPTY } : this.#keep(file, [duplicateProblem(duplicate)], kept);
      settled.set(newcomer, again);
    }
  }

  /** The file that did not hold the name before; the second when both did or neither. */
  #newcomer({ first, second }: Duplicate): string {
    const held = (file: string) => this.#good.get(file)?.documents.some((one) => identity(one) === identity(first));
    return held(second.file) && !held(first.file) ? first.file : second.file;
  }

  #keep(file: ParsedFile, problems: readonly ManifestProblem[], kept: Set<string>): ParsedFile {
    kept.add(file.name);
    const { documents, notes } = this.#good.get(file.name) ?? EMPTY;
    return { name: file.name, documents, notes, problems: [...file.problems, ...problems] };
  }
}

function isBelow(file: string, folder: string): boolean {
  return file === folder || (file.startsWith(folder) && /^[\\/]/.test(file.slice(folder.replace(/[\\/]$/, '').length)));
}
