/** Entries of a container's root filesystem: what stands there, readable by everybody, owned by root. */

import { dirname } from 'node:path';

export type Entry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'text'; readonly path: string; readonly text: string }
  /** A file of this machine. */
  | { readonly kind: 'file'; readonly path: string; readonly from: string; readonly executable: boolean };

/**
 * Sorted by path, every folder above an entry added, each path once: the same entries in any order give the same list.
 * Paths are relative to the root, `usr/local/bin/node`.
 */
export function complete(entries: readonly Entry[]): Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    for (let path = dirname(entry.path); path !== '.'; path = dirname(path)) {
      if (!all.has(path)) all.set(path, { kind: 'folder', path, mode: 0o755 });
    }
    all.set(entry.path, entry);
  }
  // By code unit, not by locale: the order is part of the digest.
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
