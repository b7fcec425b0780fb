/** Notices when a mounted folder changes, as the kubelet changes it: a link `..data` is renamed over the old one. */

import { type FSWatcher, watch } from 'node:fs';
import { readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Names the folder that holds the files now. */
export const DATA_LINK = '..data';
/** Notices of the kernel get lost where volumes are remounted; a look at a link costs nothing. */
const LOOK_MS = 250;

export class FolderWatch {
  readonly #folder: string;
  readonly #changed: () => void;
  readonly #timer: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #seen: string | undefined;
  #looking = false;

  /** `changed` is not called for what is there at the start. */
  constructor(folder: string, changed: () => void) {
    this.#folder = folder;
    this.#changed = changed;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  async start(): Promise<void> {
    this.#seen = await stateOf(this.#folder);
    this.#watchFolder();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  #watchFolder(): void {
    try {
      this.#watcher ??= watch(this.#folder, () => void this.#look()).on('error', () => this.#forget());
    } catch {
      // It is not there yet; the timer looks again.
    }
  }

  #forget(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const state = await stateOf(this.#folder);
    this.#looking = false;
    this.#watchFolder();
    if (state === this.#seen) return;
    this.#seen = state;
    this.#changed();
  }
}

async function stateOf(folder: string): Promise<string> {
  try {
    return await readlink(join(folder, DATA_LINK));
  } catch {
    // Not written by a kubelet: a folder that somebody fills by hand changes with its own time stamp.
    return await stat(folder).then(
      ({ mtimeMs }) => String(mtimeMs),
      () => '',
    );
  }
}
