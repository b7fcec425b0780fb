/**
 * The last configuration that ran, kept through restarts of the container: pieces by key, and a manifest that is
 * replaced only when all of its pieces are there.
 */

import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG_FORMAT } from '../core/config.ts';
import { type Manifest, MANIFEST_FILE, type ManifestRevision } from '../core/manifest.ts';

/** Other files of the folder, a spool for example, are not ours to remove. */
const FOLDER = 'last-verified';
const UNFINISHED = '.new';

export class StateFolder {
  /** Read like a mounted one. */
  readonly folder: string;
  readonly #present = new Set<string>();

  constructor(stateFolder: string) {
    this.folder = join(stateFolder, FOLDER);
  }

  /** Rejects when the folder cannot be written. */
  async open(): Promise<void> {
    // Pieces hold credentials.
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.folder)) {
      if (name.endsWith(UNFINISHED)) await rm(join(this.folder, name), { force: true });
      else this.#present.add(name);
    }
  }

  /** A verified piece, which may become part of what runs. */
  async add(key: string, bytes: Uint8Array): Promise<void> {
    if (this.#present.has(key)) return;
    await this.#write(key, bytes);
    this.#present.add(key);
  }

  /** It runs: a start without a mounted configuration begins with it. Pieces of no other are kept. */
  async keep({ revision, pieces }: ManifestRevision): Promise<void> {
    const lost = pieces.find(({ key }) => !this.#present.has(key));
    if (lost !== undefined) throw new Error(`piece ${lost.key.slice(0, 12)} could not be kept`);
    const manifest: Manifest = {
      format: CONFIG_FORMAT,
      revisions: [{ revision, state: 'proven', pieces }],
      memory: [],
    };
    await this.#write(MANIFEST_FILE, JSON.stringify(manifest));
    const kept = new Set([MANIFEST_FILE, ...pieces.map(({ key }) => key)]);
    for (const name of this.#present) {
      if (kept.has(name)) continue;
      await rm(join(this.folder, name), { force: true });
      this.#present.delete(name);
    }
  }

  /** A reader, or the next start after a crash, finds a whole file. */
  async #write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.folder, name);
    await writeFile(`${path}${UNFINISHED}`, content, { mode: 0o600 });
    await rename(`${path}${UNFINISHED}`, path);
  }
}
