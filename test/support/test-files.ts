/** Which test files there are, and what each needs of the machine, read from what it imports. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { hasCommand, isRoot, PROGRAMS } from './debian.ts';

export const ROOT = resolve(import.meta.dirname, '../..');

const NOT_OURS = new Set(['node_modules', 'build', '.git']);

/** Every file of the project below `folder` whose name ends so, relative to the project, sorted. */
export function filesBelow(folder: string, endings: readonly string[]): string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true }).filter((entry) => !NOT_OURS.has(entry.name));
  const found = entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, endings);
    return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : [];
  });
  return found.sort();
}

const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

function importsOf(path: string, seen: Set<string>): void {
  if (seen.has(path) || !existsSync(path)) return;
  seen.add(path);
  for (const match of readFileSync(path, 'utf8').matchAll(IMPORT))
    importsOf(resolve(dirname(path), match[1] ?? ''), seen);
}

/** The project's files below test/ that a test file imports, directly or not, itself included; relative to test/. */
export function testImports(testFile: string): string[] {
  const seen = new Set<string>();
  importsOf(join(ROOT, testFile), seen);
  return [...seen].map((path) => relative(join(ROOT, 'test'), path)).filter((path) => !path.startsWith('..'));
}

/** Why this machine cannot run a test file, in plain words; undefined when it can. */
export function obstacle(testFile: string): string | undefined {
  for (const program of testImports(testFile).flatMap((path) => PROGRAMS[path] ?? [])) {
    if (program.rootOnly && !isRoot) return `${program.command} needs root`;
    if (!hasCommand(program.command)) return `${program.command} is missing (Debian package ${program.package})`;
  }
  return undefined;
}

export const isNamespaceTest = (testFile: string): boolean => !relative('test/namespace', testFile).startsWith('..');
