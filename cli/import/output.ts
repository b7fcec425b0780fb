/** Writes what an import made: whole or not at all, and never over somebody else's file. */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandLineError } from '../command-line.ts';

const MARK = '# Written by isthmus import';

/** First line of every file written: files are named without their folders, so that the same files give the same bytes. */
export function heading(sources: readonly string[]): string {
  return `${MARK} from ${sources.join(', ')}. Import again instead of editing it.\n`;
}

/** The path written. */
export function writeManifest(folder: string, name: string, text: string): string {
  const path = join(folder, `${name}.yaml`);
  try {
    mkdirSync(folder, { recursive: true });
    if (!isOurs(path)) {
      throw new CommandLineError(`${path} was not written by isthmus import`, 'choose another --name or --output');
    }
    // A relay may be watching the folder: it finds the old file or the new one.
    const unfinished = join(folder, `.${name}.yaml.tmp`);
    writeFileSync(unfinished, text);
    renameSync(unfinished, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CommandLineError(`${path} cannot be written (${code})`, 'choose another --output');
  }
  return path;
}

function isOurs(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').startsWith(MARK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
