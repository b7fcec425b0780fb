/** A folder that goes when we go, even killed: a shell that waits for our end of a pipe to close removes it. */

import { spawn } from 'node:child_process';

export interface Kept {
  /** We have removed it ourselves. */
  release(): void;
}

// Seven tries: the servers that die with us may write while it is being removed.
const REMOVE = 'cat >/dev/null; for try in 1 2 3 4 5 6 7; do rm -rf "$1" && break; sleep 0.3; done';

export function removeWithUs(folder: string): Kept {
  const watcher = spawn('sh', ['-c', REMOVE, 'remove', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  return { release: () => watcher.stdin.destroy() };
}
