/** Writes the CRDs and the field reference. With --check it writes nothing and fails when a file is stale. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { definition, definitionFile } from './definition.ts';
import { reference } from './reference.ts';
import { KINDS } from './v1alpha1/kinds.ts';

/** Holds nothing but CRDs, so that `kubectl apply -f` takes the whole folder. */
const CRD_FOLDER = 'crds/generated';
const HEADER = '# Made by "npm run generate" from crds/v1alpha1. Never edited by hand.\n';

/** File, from the project's root → content. */
export function generated(): Map<string, string> {
  // No line width and no anchors: a changed word changes one line, and every reader of YAML takes it.
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  const crds = KINDS.map((kind): [string, string] => [
    `${CRD_FOLDER}/${definitionFile(kind)}`,
    HEADER + stringify(definition(kind), options),
  ]);
  return new Map([...crds, ['docs/reference.md', reference()]]);
}

function attempt<T>(missing: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return missing;
    throw error;
  }
}

/** Files, from the project's root, that are missing, differ, or belong to no kind. */
export function staleFiles(root: string): string[] {
  const wanted = generated();
  const differs = ([file, text]: [string, string]) =>
    attempt(undefined, () => readFileSync(join(root, file), 'utf8')) !== text;
  const here = attempt([], () => readdirSync(join(root, CRD_FOLDER))).map((name) => `${CRD_FOLDER}/${name}`);
  return [...[...wanted].filter(differs).map(([file]) => file), ...here.filter((file) => !wanted.has(file))];
}

export function writeStale(root: string): string[] {
  const wanted = generated();
  const stale = staleFiles(root);
  for (const file of stale) {
    const text = wanted.get(file);
    mkdirSync(dirname(join(root, file)), { recursive: true });
    if (text === undefined) rmSync(join(root, file));
    else writeFileSync(join(root, file), text);
  }
  return stale;
}

function main(args: string[]): number {
  const root = dirname(import.meta.dirname);
  if (!args.includes('--check')) {
    for (const file of writeStale(root)) process.stdout.write(`${file} brought up to date\n`);
    return 0;
  }
  const stale = staleFiles(root);
  for (const file of stale) {
    process.stderr.write(`${file} does not fit the schemas: run "npm run generate" and commit it\n`);
  }
  return stale.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
