/**
 * `npm run cluster`: a real cluster on this machine with the chart, the samples and their mail systems on it, until Ctrl-C. It
 * lives in namespaces of its own and leaves nothing behind.
 */

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { testedImages } from './fleet/images.ts';
import { launch } from './launch.ts';

/** Ctrl-C reaches everybody of the terminal; what is sent to us alone is passed on as the end of the first process there. */
function passOn(signal: NodeJS.Signals, { pid = 0 }: ChildProcess): void {
  if (signal === 'SIGINT' && process.stdin.isTTY) return;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  for (const child of children === '' ? [] : children.split(' ')) process.kill(Number(child), 'SIGTERM');
}

process.exitCode = await launch({
  program: 'test/cluster/nodes/showcase.ts',
  // It sends the first mail.
  packages: ['swaks'],
  onSignal: passOn,
  arguments: async (folder) => {
    process.stderr.write('making the images …\n');
    return [folder, ...(await testedImages())];
  },
});
