/** Whether new pieces fit into a slot's object beside those that are listed, and what must leave for them. */

import { OBJECT_BYTES } from '../manifests/names.ts';

export type Room =
  /** `remove`: keys to take out in the same write. */
  { readonly ok: true; readonly remove: readonly string[] } | { readonly ok: false; readonly reason: string };

interface Added {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/**
 * `present`: key → octets of what the object holds. What the manifest lists stays; of the rest, which pods may still
 * be reading, no more leaves than must, the largest first.
 */
export function roomFor(
  present: ReadonlyMap<string, number>,
  added: readonly Added[],
  listed: ReadonlySet<string>,
): Room {
  const fresh = new Map(added.filter(({ key }) => !present.has(key)).map(({ key, bytes }) => [key, bytes.length]));
  const wanted = new Set(added.map(({ key }) => key));
  const free = [...present].filter(([key]) => !listed.has(key) && !wanted.has(key));
  let octets = sum(present.values()) + sum(fresh.values());
  const remove: string[] = [];
  for (const [key, size] of free.sort(([a, sizeOfA], [b, sizeOfB]) => sizeOfB - sizeOfA || (a < b ? -1 : 1))) {
    if (octets <= OBJECT_BYTES) break;
    octets -= size;
    remove.push(key);
  }
  if (octets <= OBJECT_BYTES) return { ok: true, remove };
  const reason = `the pieces that the manifest lists and the new ones need ${octets} octets, and an object takes ${OBJECT_BYTES}`;
  return { ok: false, reason };
}

function sum(sizes: Iterable<number>): number {
  let all = 0;
  for (const size of sizes) all += size;
  return all;
}
