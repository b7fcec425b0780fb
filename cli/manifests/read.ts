/** Reads one or several folders of manifests. */

import { combine } from './combine.ts';
import type { Manifests } from './document.ts';
import { readFolder } from './folder.ts';

/** Documents of a later folder replace those of an earlier one that have the same kind, namespace and name. */
export function readManifests(folders: readonly string[]): Manifests {
  return combine(folders.map(readFolder));
}
