/** Where a pod's configuration comes from: the mounted folder, and what ran last when that is empty or not complete. */

import type { Credentials, RelayConfig } from '../core/config.ts';
import { type ManifestRevision, revisionFor } from '../core/manifest.ts';
import { type PackedRows, packRows, sameRows } from '../core/packed-rows.ts';
import { type AddressRows, joinPieces } from '../core/pieces.ts';
import type { PackedRules } from '../core/rule-table.ts';
import { type Mounted, readMounted } from './mounted.ts';
import { parsePiece, type PodPiece, readVerified } from './piece-file.ts';
import { StateFolder } from './state-folder.ts';

/** A configuration of which every piece is there and what its hash says. */
export interface VerifiedSet {
  readonly listed: ManifestRevision;
  readonly config: RelayConfig;
  /** Address rows of its rules, which `config` does not carry. */
  readonly packed: PackedRules;
  readonly credentials: Credentials;
}

export type Found =
  | { readonly status: 'complete'; readonly set: VerifiedSet }
  /** Not everything is there yet: a change will come. */
  | { readonly status: 'incomplete'; readonly reason: string }
  /** Everything is there, and this relay cannot make a configuration of it. */
  | { readonly status: 'broken'; readonly revision: string; readonly reason: string };

export class ConfigSource {
  readonly #folder: string;
  readonly #state: StateFolder;
  /** By key: those of the sets that were read last. */
  #pieces = new Map<string, PodPiece>();

  #packed: PackedRules = new Map();
  readonly #notKept: (error: unknown) => void;

  /** `notKept` is told when the state folder cannot be written: what is mounted runs nevertheless. */
  constructor(folder: string, stateFolder: string, notKept: (error: unknown) => void) {
    this.#folder = folder;
    this.#notKept = notKept;
    this.#state = new StateFolder(stateFolder);
  }

  async open(): Promise<void> {
    await this.#state.open().catch(this.#notKept);
  }

  async mounted(): Promise<Mounted> {
    return await readMounted(this.#folder);
  }

  /** The revision that the pod is told to run. */
  async wanted(mounted: Mounted): Promise<Found> {
    const { manifest, problem, wanted } = mounted;
    if (manifest === undefined) return { status: 'incomplete', reason: problem ?? 'there is no manifest yet' };
    const listed = revisionFor(manifest, wanted);
    if (listed === undefined) return { status: 'incomplete', reason: 'the manifest lists no proven revision' };
    return await this.#read(listed, mounted.folder);
  }

  /** For a pod that runs nothing yet: what is mounted and complete, else what ran last. */
  async any(mounted: Mounted): Promise<Found> {
    const wanted = await this.wanted(mounted);
    if (wanted.status === 'complete') return wanted;
    const proven = await this.wanted({ ...mounted, wanted: undefined });
    if (proven.status === 'complete') return proven;
    const last = await this.wanted(await readMounted(this.#state.folder));
    return last.status === 'complete' ? last : wanted;
  }

  /** It runs: it is what a start without a mounted configuration begins with. */
  async keep({ listed }: VerifiedSet): Promise<void> {
    await this.#state.keep(listed).catch(this.#notKept);
  }

  async #read(listed: ManifestRevision, folder: string): Promise<Found> {
    const { revision } = listed;
    const pieces = new Map<string, PodPiece>();
    for (const { key } of listed.pieces) {
      const known = this.#pieces.get(key);
      if (known !== undefined) {
        pieces.set(key, known);
        continue;
      }
      const bytes = await readVerified(`${folder}/${key}`, key);
      if (bytes === undefined) {
        return { status: 'incomplete', reason: `piece ${key.slice(0, 12)} of revision ${revision} is not there yet` };
      }
      try {
        pieces.set(key, await parsePiece(bytes, this.#keepRows));
      } catch (error) {
        return { status: 'broken', revision, reason: `piece ${key.slice(0, 12)}: ${(error as Error).message}` };
      }
      // What is there now need not be read again when the rest comes.
      this.#pieces.set(key, pieces.get(key) as PodPiece);
      await this.#state.add(key, bytes).catch(this.#notKept);
    }
    this.#pieces = pieces;
    const joined = joinPieces<PackedRows>([...pieces.values()], revision);
    if (!joined.ok) return { status: 'broken', revision, reason: joined.reason };
    const { config, rules, credentials } = joined.value;
    const rewriteRules = rules.map(({ rule }) => ({ ...rule, addresses: [] }));
    const packed = new Map(rules.map(({ rule, parts }) => [rule.name, parts]));
    this.#packed = packed;
    return { status: 'complete', set: { listed, config: { ...config, rewriteRules }, packed, credentials } };
  }

  /** A rule that did not change beside one that did: the same object as before need not be indexed again. */
  readonly #keepRows = (rows: AddressRows, rule: string): PackedRows => {
    const fresh = packRows(rows, rule);
    return this.#packed.get(rule)?.find((known) => sameRows(known, fresh)) ?? fresh;
  };
}
