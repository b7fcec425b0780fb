/** Writes the CRDs to crds/generated, one file a kind. With --check it writes nothing and fails when a file is stale. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { definition, definitionFile } from './definition.ts';
import { KINDS } from './v1alpha1/kinds.ts';

const HEADER = '# Made by "npm run generate" from crds/v1alpha1. Never edited by hand.\n';

/** File name → content, for every kind. */
export function generated(): Map<string, string> {
  // No line width and no anchors: a changed word changes one line, and every reader of YAML takes it.
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  return new Map(KINDS.map((kind) => [definitionFile(kind), HEADER + stringify(definition(kind), options)]));
}

function onDisk(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Names of files that are missing, differ, or belong to no kind. */
export function staleFiles(folder: string): string[] {
  const wanted = generated();
  const different = [...wanted].filter(([file, text]) => onDisk(folder, file) !== text).map(([file]) => file);
  const left = readdirSync(folder).filter((file) => !wanted.has(file));
  return [...different, ...left];
}

function main(args: string[]): number {
  const folder = join(import.meta.dirname, 'generated');
  mkdirSync(folder, { recursive: true });
  const stale = staleFiles(folder);
  if (args.includes('--check')) {
    for (const file of stale) {
      process.stderr.write(`crds/generated/${file} does not fit the schemas: run "npm run generate" and commit it\n`);
    }
    return stale.length === 0 ? 0 : 1;
  }
  const wanted = generated();
  for (const file of stale) {
    const text = wanted.get(file);
    if (text === undefined) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), text);
    process.stdout.write(`crds/generated/${file} ${text === undefined ? 'removed' : 'written'}\n`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
