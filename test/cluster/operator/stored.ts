/** A fleet's configuration as a pod that starts now would find it in its volume. */

import { createHash } from 'node:crypto';
import type { RelayConfig } from '../../../relay/core/config.ts';
import { type Manifest, manifestSchema, revisionFor } from '../../../relay/core/manifest.ts';
import { unpackStored } from '../../../operator/slots/unpack.ts';
import type { Eyes, Seen } from './seen.ts';

export interface Stored {
  readonly manifest: Manifest;
  /** What a pod without an annotation runs. */
  readonly config: RelayConfig;
  readonly keys: ReadonlySet<string>;
}

/** undefined: nothing has been published. Throws when what a pod would run is not complete. */
export async function stored(eyes: Eyes, fleet: string): Promise<Stored | undefined> {
  for (;;) {
    const before = await eyes.get('configmap', `${fleet}-f1`);
    if (before === undefined) return undefined;
    const found = await attempt(() => read(eyes, fleet, before));
    const after = await eyes.get('configmap', `${fleet}-f1`);
    // Only what was there at one moment counts.
    if (after?.metadata.resourceVersion !== before.metadata.resourceVersion) continue;
    if (found.ok) return found.value;
    throw found.cause;
  }
}

/** What a pod that starts now would run. */
export async function storedConfig(eyes: Eyes, fleet: string): Promise<RelayConfig> {
  const found = await stored(eyes, fleet);
  if (found === undefined) throw new Error(`nothing is stored of ${fleet}`);
  return found.config;
}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly cause: unknown };

function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  return work().then(
    (value): Attempt<T> => ({ ok: true, value }),
    (cause: unknown): Attempt<T> => ({ ok: false, cause }),
  );
}

async function read(eyes: Eyes, fleet: string, object: Seen): Promise<Stored> {
  const manifest = manifestSchema.parse(JSON.parse(object.data?.['manifest.json'] ?? ''));
  const files = new Map<string, Buffer>();
  for (const { metadata, binaryData, data } of await eyes.list(
    'configmaps,secrets',
    '-l',
    `isthmus.dev/fleet=${fleet}`,
  )) {
    if (!new RegExp(`^${fleet}-f1-`).test(metadata.name)) continue;
    for (const [key, value] of Object.entries(binaryData ?? data ?? {})) files.set(key, Buffer.from(value, 'base64'));
  }
  const wanted = revisionFor(manifest, undefined);
  if (wanted === undefined) throw new Error(`the manifest of ${fleet} lists nothing that may run`);
  const bytesOf = (pieces: Manifest['memory']) =>
    pieces.map(({ slot, key }) => {
      const bytes = files.get(key);
      if (bytes === undefined) throw new Error(`piece ${key} of ${fleet} is not in slot ${slot}`);
      if (createHash('sha256').update(bytes).digest('hex') !== key) throw new Error(`piece ${key} is not what it says`);
      return bytes;
    });
  for (const { pieces } of manifest.revisions) bytesOf(pieces);
  const unpacked = unpackStored(bytesOf(wanted.pieces), bytesOf(manifest.memory), wanted.revision, 'key');
  if (!unpacked.ok) throw new Error(`what ${fleet} has stored cannot be read: ${unpacked.reason}`);
  return { manifest, config: unpacked.config, keys: new Set(files.keys()) };
}
