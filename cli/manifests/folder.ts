/** Reads a folder of manifests from the disk: which files, their bytes as text, and what could not be read. */

import { createHash } from 'node:crypto';
import { type Dirent, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestProblem, ParsedFile, ParsedFolder } from './document.ts';
import { parseFile } from './parse.ts';

export interface Listing {
  /** In the order of their names, so that the same folder always gives the same result. */
  readonly files: readonly string[];
  /** The folder itself and those below it. */
  readonly folders: readonly string[];
  readonly problems: readonly ManifestProblem[];
}

/** The name of an error of the operating system in words. */
function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: this user has no permission';
    case 'ELOOP':
      return 'is a symbolic link that leads back to itself';
    case undefined:
      throw error;
    default:
      return `cannot be read (${code})`;
  }
}

const isManifest = (name: string) => /\.(ya?ml|json)$/i.test(name);

function attempt<T>(file: string, problems: ManifestProblem[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push({ file, line: undefined, path: [], message: reason(error) });
    return undefined;
  }
}

/** Names with a leading dot are editors' and Kubernetes' own (`..data`). */
function entries(folder: string): string[] {
  const all: Dirent[] = readdirSync(folder, { withFileTypes: true });
  const names = all.map((entry) => entry.name).filter((name) => !name.startsWith('.'));
  return names.sort();
}

/** A file given instead of a folder is read alone. */
export function listFolder(root: string): Listing {
  const files: string[] = [];
  const folders: string[] = [];
  const problems: ManifestProblem[] = [];
  const visited = new Set<string>();
  const visit = (path: string, wanted: boolean) => {
    const stats = attempt(path, problems, () => statSync(path));
    if (stats?.isDirectory()) {
      // A link to a folder above would never end.
      const real = attempt(path, problems, () => realpathSync(path));
      if (real === undefined || visited.has(real)) return;
      visited.add(real);
      folders.push(path);
      for (const name of attempt(path, problems, () => entries(path)) ?? []) visit(join(path, name), isManifest(name));
    } else if (stats?.isFile() && wanted) {
      files.push(path);
    }
  };
  visit(root, true);
  return { files, folders, problems };
}

/** The first line that is not UTF-8; a line feed is never part of a longer sequence. */
function badLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    try {
      decoder.decode(bytes.subarray(start, end < 0 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end < 0) break;
    start = end + 1;
  }
  return line;
}

/** A byte order mark is dropped; UTF-16, which some Windows programs write, is told by its own. */
function decode(file: string, bytes: Uint8Array): { text: string } | { problem: ManifestProblem } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const message = utf16 ? 'is UTF-16: save it as UTF-8' : 'holds bytes that are not UTF-8: save it as UTF-8';
    return { problem: { file, line: utf16 ? 1 : badLine(bytes), path: [], message } };
  }
}

function parse(file: string, bytes: Uint8Array): ParsedFile {
  const decoded = decode(file, bytes);
  if ('text' in decoded) return parseFile({ name: file, text: decoded.text });
  return { name: file, documents: [], problems: [decoded.problem], notes: [] };
}

interface Known {
  readonly digest: string;
  readonly parsed: ParsedFile;
}

/** Reads folders again and again and parses only what has changed: a thousand addresses take some 30 ms. */
export class FolderReader {
  readonly #known = new Map<string, ReadonlyMap<string, Known>>();

  read(folder: string): ParsedFolder {
    const { files, problems } = listFolder(folder);
    const before = this.#known.get(folder);
    const now = new Map<string, Known>();
    const parsed = files.map((file): ParsedFile => {
      const ofFile: ManifestProblem[] = [];
      const bytes = attempt(file, ofFile, () => readFileSync(file));
      if (bytes === undefined) return { name: file, documents: [], problems: ofFile, notes: [] };
      const digest = createHash('sha256').update(bytes).digest('base64');
      const known = before?.get(file);
      const entry = known?.digest === digest ? known : { digest, parsed: parse(file, bytes) };
      now.set(file, entry);
      return entry.parsed;
    });
    this.#known.set(folder, now);
    return { folder, files: parsed, problems };
  }
}

export function readFolder(folder: string): ParsedFolder {
  return new FolderReader().read(folder);
}
