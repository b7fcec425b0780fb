/** Compiles the programs of images into build/js, where images take them from. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { ImageName } from './images.ts';

/** An image has the name of its project. `output`: what the compiler says, its complaints when it fails. */
export function compileFor(root: string, images: readonly ImageName[]): { ok: boolean; output: string } {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  // All of it, every time: by times of files alone a source that was saved during a compilation counts as compiled.
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-b', '--force', ...images], {
    cwd: root,
    encoding: 'utf8',
  });
  return { ok: status === 0, output: stdout + stderr };
}
