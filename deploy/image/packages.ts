/** The npm packages that a program needs at run time, by package-lock.json, without what only a compiler reads. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Entry } from './entry.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

type Lock = Readonly<Record<string, LockedPackage>>;

/** Types, source maps and prose; licences stay. */
const UNREAD = /\.(?:ts|mts|cts|map|md|markdown|flow|tsbuildinfo)$/i;
const UNREAD_FOLDERS = new Set([
  '.github',
  'test',
  'tests',
  '__tests__',
  'benchmark',
  'benchmarks',
  'docs',
  'example',
  'examples',
]);

/** `names`: what the program imports. `home`: the folder in the image that gets node_modules. */
export function packageEntries(root: string, names: ReadonlySet<string>, home: string): Entry[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages as Lock;
  return [...closure(root, lock, names)].flatMap((folder) =>
    filesOf(join(root, folder)).map((file): Entry => {
      const path = `${home}/${folder}/${relative(join(root, folder), file)}`;
      return { kind: 'file', path, from: file, executable: false };
    }),
  );
}

/** Folders of the packages and of all that they depend on, `node_modules/zod`. */
function closure(root: string, lock: Lock, names: ReadonlySet<string>): ReadonlySet<string> {
  const folders = new Set<string>();
  const add = (importer: string, name: string, needed: boolean) => {
    // Packages of types have no code.
    if (name.startsWith('@types/')) return;
    const folder = resolvePackage(lock, importer, name);
    if (folder === undefined || !existsSync(join(root, folder))) {
      if (!needed) return;
      throw new Error(`${importer === '' ? 'a program' : importer} needs ${name}, which is not installed: run npm ci`);
    }
    const found = lock[folder] ?? {};
    if (found.dev) throw new Error(`${importer === '' ? 'a program' : importer} needs ${name}, a devDependency`);
    if (folders.has(folder)) return;
    folders.add(folder);
    for (const child of Object.keys(found.dependencies ?? {})) add(folder, child, true);
    for (const child of Object.keys({ ...found.optionalDependencies, ...found.peerDependencies }))
      add(folder, child, false);
  };
  for (const name of names) add('', name, true);
  return folders;
}

/** As Node looks for it: beside the importer's own packages first, then further up. */
function resolvePackage(lock: Lock, importer: string, name: string): string | undefined {
  for (let above = importer; ; above = dirname(above)) {
    const folder = above === '' || above === '.' ? `node_modules/${name}` : `${above}/node_modules/${name}`;
    if (lock[folder] !== undefined) return folder;
    if (above === '' || above === '.') return undefined;
  }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((child) => {
    const path = join(folder, child.name);
    if (child.isDirectory()) {
      // Packages inside a package are in the lock file on their own.
      return child.name === 'node_modules' || UNREAD_FOLDERS.has(child.name) ? [] : filesOf(path);
    }
    return child.isFile() && !UNREAD.test(child.name) ? [path] : [];
  });
}
