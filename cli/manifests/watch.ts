/** Watches folders of manifests and calls back once after each change, however the change is made. */

import { type FSWatcher, statSync, watch } from 'node:fs';
import { listFolder } from './folder.ts';

/** Long enough for an editor's or kubectl's several steps, short enough that a person does not notice. */
const QUIET_MS = 50;
/** A stream of changes is looked at so often. */
const LATEST_MS = 150;
/** Network file systems and links to other places tell nothing: they are looked at so often. */
const POLL_MS = 500;

export interface Watch {
  close(): void;
}

/** Changes with every file that comes, goes, or is written, also behind a link that now leads elsewhere. */
function signature(folders: readonly string[]): { text: string; watchable: string[] } {
  const lines: string[] = [];
  const watchable: string[] = [];
  for (const folder of folders) {
    const listing = listFolder(folder);
    watchable.push(...listing.folders);
    lines.push(...listing.problems.map(({ file, message }) => `${file}\0${message}`));
    for (const file of listing.files) lines.push(`${file}\0${fingerprint(file)}`);
  }
  return { text: lines.join('\n'), watchable };
}

function fingerprint(file: string): string {
  try {
    const stats = statSync(file, { bigint: true });
    return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
  } catch {
    // Gone since it was listed: the next look says what has become of it.
    return 'gone';
  }
}

/** A folder that was deleted and made again, or a link that leads elsewhere, is another folder of the same name. */
function folderIdentity(folder: string): string {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return `${folder}\0${stats?.dev} ${stats?.ino}`;
}

/** Start it before the first reading: what changes between the two is seen then. */
export function watchManifests(folders: readonly string[], onChange: () => void): Watch {
  /** By folderIdentity. */
  const watchers = new Map<string, FSWatcher>();
  let seen = signature(folders);
  let timer: NodeJS.Timeout | undefined;
  let firstEvent = 0;

  const forget = (id: string) => {
    watchers.get(id)?.close();
    watchers.delete(id);
  };
  const notice = () => {
    const now = performance.now();
    if (timer === undefined) firstEvent = now;
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(0, Math.min(QUIET_MS, firstEvent + LATEST_MS - now)));
  };
  const follow = () => {
    const wanted = new Map(seen.watchable.map((folder) => [folderIdentity(folder), folder]));
    for (const id of [...watchers.keys()].filter((known) => !wanted.has(known))) forget(id);
    for (const [id, folder] of wanted) {
      if (watchers.has(id)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, notice);
        watcher.on('error', () => forget(id));
        watchers.set(id, watcher);
      } catch {
        // No watch to be had (the system's bound, a folder just gone): the poll sees its changes.
      }
    }
  };
  const look = () => {
    timer = undefined;
    const now = signature(folders);
    const changed = now.text !== seen.text;
    seen = now;
    follow();
    if (changed) onChange();
  };

  follow();
  const poll = setInterval(look, POLL_MS);
  return {
    close() {
      clearInterval(poll);
      clearTimeout(timer);
      for (const id of [...watchers.keys()]) forget(id);
    },
  };
}
