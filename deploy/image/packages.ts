/** The npm packages that a program needs at run time, by package-lock.json, without what only a compiler reads. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Entry } from './entry.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
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

/**
 * Folders of the packages and of all that they depend on, `node_modules/zod`. Optional dependencies stay behind: a
 * package works without them, and most are for other systems.
 */
function closure(root: string, lock: Lock, names: ReadonlySet<string>): ReadonlySet<string> {
  const folders = new Set<string>();
  const add = (importer: string, name: string) => {
    if (isUnused(name)) return;
    const who = importer === '' ? 'the program' : importer;
    const folder = resolvePackage(lock, importer, name);
    if (folder === undefined || !existsSync(join(root, folder))) {
      throw new Error(`${who} needs ${name}, which is not installed: run npm ci`);
    }
    if (folders.has(folder)) return;
    const { dev, dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = lock[folder] ?? {};
    if (dev === true) throw new Error(`${who} needs ${name}, which is among the devDependencies`);
    folders.add(folder);
    const peers = Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta[peer]?.optional !== true);
    for (const child of [...Object.keys(dependencies), ...peers]) add(folder, child);
  };
  for (const name of names) add('', name);
  return folders;
}

/** Types have no code, and what stands in for Node's own modules on another JavaScript runtime is megabytes of it. */
const isUnused = (name: string): boolean => name.startsWith('@types/') || name.startsWith('bare-');

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
