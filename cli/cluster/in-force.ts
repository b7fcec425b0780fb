/** Reads what runs in a cluster from the manifests and slots of its fleets: the record of who holds each name. */

import { createHash } from 'node:crypto';
import type { RunningFleet } from '../../operator/compile/input.ts';
import type { Tombstone } from '../../operator/compile/tombstones.ts';
import type { Api, ApiAnswer, KubeObject } from '../../operator/kube/api.ts';
import { manifestName, slotName } from '../../operator/manifests/names.ts';
import { CONFIG_MAP, SECRET } from '../../operator/reconcile/kinds.ts';
import { unpackStored } from '../../operator/slots/unpack.ts';
import type { Credentials } from '../../relay/core/config.ts';
import { MANIFEST_FILE, type Manifest, manifestSchema, type PieceReference } from '../../relay/core/manifest.ts';

export type InForce =
  | {
      readonly state: 'Read';
      readonly running: RunningFleet;
      readonly credentials: Credentials;
      readonly tombstones: readonly Tombstone[];
      /** A candidate that one pod tries just now. */
      readonly candidate: string | undefined;
      /** Secret slots that this user may not read: rules whose tables are in Secrets are not known. */
      readonly withoutSecrets: boolean;
    }
  /** Nothing has ever been published. */
  | { readonly state: 'Nothing' }
  | { readonly state: 'Unreadable'; readonly why: string };

const isSecretSlot = (slot: string) => slot.startsWith('s');

export async function readInForce(api: Api, namespace: string, fleet: string): Promise<InForce> {
  const found = await readManifest(api, namespace, fleet);
  if (!found.ok) return found.nothing ? { state: 'Nothing' } : { state: 'Unreadable', why: found.why };
  const { revisions, memory } = found.manifest;
  const proven = revisions.find(({ state }) => state === 'proven');
  if (proven === undefined) return { state: 'Nothing' };
  const slots = new Set([...proven.pieces, ...memory].map(({ slot }) => slot));
  const answers = new Map(
    await Promise.all(
      [...slots].map(
        async (slot): Promise<[string, ApiAnswer<KubeObject>]> => [
          slot,
          await api.get(isSecretSlot(slot) ? SECRET : CONFIG_MAP, namespace, slotName(fleet, slot)),
        ],
      ),
    ),
  );
  const withoutSecrets = [...answers].some(([slot, answer]) => isSecretSlot(slot) && isForbidden(answer));
  const pieces = piecesOf(answers, proven.pieces);
  const ofMemory = piecesOf(answers, memory);
  for (const read of [pieces, ofMemory]) if (!read.ok) return { state: 'Unreadable', why: read.why };
  // The key hides content in hashes that are not asked for here.
  const unpacked = unpackStored(valuesOf(pieces), valuesOf(ofMemory), proven.revision, '');
  if (!unpacked.ok) {
    const why = withoutSecrets ? 'you may not read its Secrets, in which a part of it lies' : unpacked.reason;
    return { state: 'Unreadable', why };
  }
  const { config, credentials, tombstones } = unpacked;
  const candidate = revisions.find(({ state }) => state === 'candidate')?.revision;
  return {
    state: 'Read',
    running: { namespace, name: fleet, config },
    credentials,
    tombstones,
    candidate,
    withoutSecrets,
  };
}

type Found = { readonly ok: true; readonly manifest: Manifest } | { readonly ok: false; nothing: boolean; why: string };

async function readManifest(api: Api, namespace: string, fleet: string): Promise<Found> {
  const name = manifestName(fleet);
  const answer = await api.get(CONFIG_MAP, namespace, name);
  if (!answer.ok) return { ok: false, nothing: answer.status === 404, why: whyNot(`ConfigMap ${name}`, answer) };
  const broken: Found = { ok: false, nothing: false, why: `ConfigMap ${name} is not what this version writes` };
  try {
    const text = (answer.value['data'] as Record<string, string> | undefined)?.[MANIFEST_FILE] ?? '';
    const parsed = manifestSchema.safeParse(JSON.parse(text));
    return parsed.success ? { ok: true, manifest: parsed.data } : broken;
  } catch {
    // No JSON.
    return broken;
  }
}

type Pieces = { readonly ok: true; readonly value: Uint8Array[] } | { readonly ok: false; readonly why: string };

const valuesOf = (pieces: Pieces): Uint8Array[] => (pieces.ok ? pieces.value : []);

/** Those of Secret slots are left out where they may not be read. */
function piecesOf(answers: ReadonlyMap<string, ApiAnswer<KubeObject>>, wanted: readonly PieceReference[]): Pieces {
  const value: Uint8Array[] = [];
  for (const { slot, key } of wanted) {
    const answer = answers.get(slot);
    if (answer === undefined) throw new Error(`slot ${slot} was not asked for`);
    if (isSecretSlot(slot) && isForbidden(answer)) continue;
    if (!answer.ok) return { ok: false, why: whyNot(`slot ${slot}`, answer) };
    const text = (answer.value[isSecretSlot(slot) ? 'data' : 'binaryData'] as Record<string, string> | undefined)?.[
      key
    ];
    const bytes = Buffer.from(text ?? '', 'base64');
    if (createHash('sha256').update(bytes).digest('hex') !== key) {
      return { ok: false, why: `slot ${slot} is being written just now, or has been tampered with` };
    }
    value.push(bytes);
  }
  return { ok: true, value };
}

function isForbidden(answer: ApiAnswer<unknown>): boolean {
  return !answer.ok && answer.status === 403;
}

function whyNot(what: string, { status, message }: Exclude<ApiAnswer<unknown>, { ok: true }>): string {
  return status === 403 ? `you may not read ${what}` : `${what}: ${message}`;
}
