/** A fast 32-bit hash of a text that stays the same for ever: what is cut and placed by it must not move with a release. */

/** FNV-1a over UTF-16 code units, then mixed, so that the low bits are as good as the high ones. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
