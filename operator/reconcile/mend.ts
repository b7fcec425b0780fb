/** Looks again at what somebody else has changed or removed of a stored configuration, and puts back what is lost. */

import type { Piece } from '../compilation/compiler.ts';
import type { KubeObject } from '../kube/api.ts';
import type { FleetIdentity } from '../manifests/input.ts';
import { manifestName, secretSlotIds, slotIds, slotName } from '../manifests/names.ts';
import type { SlotStore, StoreResult } from './slot-store.ts';
import type { World } from './world.ts';

type Seen = Pick<World, 'configMaps' | 'secrets'>;

/** `pieces`: what the manifest lists, as far as it is known. `isDoubted`: each slot is looked at, whatever was seen of it. */
export async function mendSlots(
  store: SlotStore,
  { configMaps, secrets }: Seen,
  { namespace, name }: FleetIdentity,
  pieces: readonly Piece[],
  isDoubted: boolean,
): Promise<StoreResult> {
  for (const slot of [...slotIds(), ...secretSlotIds()]) {
    const known = store.resourceVersionOf(slot);
    if (known === undefined) continue;
    const seen = (slot.startsWith('s') ? secrets : configMaps).get(namespace, slotName(name, slot));
    if (!isDoubted && isAsKnown(seen, known)) continue;
    const inspected = await store.inspect(slot);
    if (isDoubted && !inspected.ok) return inspected;
  }
  return await store.put(pieces);
}

/** Without it a pod that starts finds nothing to run. `changed`: what is stored must be read anew. */
export async function mendManifest(
  store: SlotStore,
  { configMaps }: Seen,
  { namespace, name }: FleetIdentity,
  isDoubted: boolean,
): Promise<StoreResult | 'changed'> {
  if (store.manifest === undefined) return { ok: true };
  const known = store.manifestVersion;
  const seen = configMaps.get(namespace, manifestName(name));
  return !isDoubted && known !== undefined && isAsKnown(seen, known) ? { ok: true } : await store.mendManifest();
}

/** The watch may be behind; resourceVersions of one kind of object grow. */
function isAsKnown(seen: KubeObject | undefined, known: string): boolean {
  return seen !== undefined && Number(seen.metadata.resourceVersion) <= Number(known);
}
