/** The compiled program of an image and the packages that it imports: nothing that only tests or other programs need. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Entry } from './entry.ts';
import { packageEntries } from './packages.ts';

/** Where a program lies in its image. */
export const HOME = 'opt/isthmus';

export interface Program {
  /** Source folders that are taken whole, as programs may be started from there by name. */
  readonly folders: readonly string[];
  /** The source that is started. */
  readonly entry: string;
}

const compiledName = (source: string): string => source.replace(/\.ts$/, '.js');

export function programEntries(root: string, version: string, { folders, entry }: Program): Entry[] {
  if (!existsSync(join(root, entry))) throw new Error(`${entry} is not there`);
  const modules = new Set<string>();
  const packages = new Set<string>();
  const follow = (source: string) => {
    if (modules.has(source)) return;
    modules.add(source);
    const code = readFileSync(join(root, 'build/js', compiledName(source)), 'utf8');
    for (const specifier of importsOf(code)) {
      if (specifier.startsWith('node:')) continue;
      if (specifier.startsWith('.')) follow(sourceOf(root, source, specifier));
      else packages.add(packageName(specifier));
    }
  };
  // From the sources, as the build folder keeps what was compiled of files that are no more.
  for (const folder of folders) for (const source of sourcesBelow(join(root, folder))) follow(relative(root, source));
  const description = { name: 'isthmus', version, type: 'module', private: true };
  return [
    { kind: 'text', path: `${HOME}/package.json`, text: `${JSON.stringify(description)}\n` },
    { kind: 'file', path: `${HOME}/LICENSE`, from: join(root, 'LICENSE'), executable: false },
    ...[...modules].map(compiledName).map(
      (path): Entry => ({
        kind: 'file',
        path: `${HOME}/${path}`,
        from: join(root, 'build/js', path),
        executable: false,
      }),
    ),
    ...packageEntries(root, packages, HOME),
  ];
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith('.ts') && !file.name.endsWith('.d.ts'))
    .map((file) => join(file.parentPath, file.name));
}

/** As the compiler writes them: one statement a line, in quotation marks of either kind. */
function importsOf(code: string): string[] {
  const statements =
    /(?:^|[;}\s])(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm;
  const calls = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map(([, first, second]) => first ?? second ?? '');
}

function sourceOf(root: string, importer: string, specifier: string): string {
  return relative(root, resolve(root, dirname(importer), specifier)).replace(/\.js$/, '.ts');
}

function packageName(specifier: string): string {
  const [scopeOrName = '', name = ''] = specifier.split('/');
  return scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName;
}
