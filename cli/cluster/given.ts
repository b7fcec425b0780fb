/** Files that are to be laid over a cluster, named as for kubectl apply -f. */

import { readFileSync } from 'node:fs';
import { combine } from '../manifests/combine.ts';
import type { Manifests, ParsedFolder } from '../manifests/document.ts';
import { readFolder } from '../manifests/folder.ts';
import { parseFile } from '../manifests/parse.ts';

/** `-` is standard input: what another program writes can be piped in. */
export function readGiven(paths: readonly string[]): Manifests {
  return combine(paths.map((path) => (path === '-' ? standardInput() : readFolder(path))));
}

function standardInput(): ParsedFolder {
  const name = 'standard input';
  return { folder: name, files: [parseFile({ name, text: readFileSync(0, 'utf8') })], problems: [] };
}
