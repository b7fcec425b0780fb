/** A container image made on the spot from this machine: programs come from its /usr, mounted read-only; only names are copied. */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrThrow } from '../support/child-process.ts';
import type { Engine } from './engine.ts';

export const MACHINE_IMAGE = 'localhost/isthmus/machine:1';
/** Whoever runs the image mounts these. */
export const MACHINE_MOUNTS = [{ source: '/usr', target: '/usr', mode: 'ro' as const }];

const FOLDERS = ['dev', 'etc', 'proc', 'run', 'sys', 'tmp', 'usr', 'var', 'var/tmp'];
/** Since Debian 12 links on every machine. */
const LINKS = ['bin', 'lib', 'lib64', 'sbin'];
/** The same users as outside, as folders are shared; where names are asked for. */
const COPIES = ['etc/passwd', 'etc/group', 'etc/services', 'etc/nsswitch.conf'];

export async function makeMachineImage({ docker }: Engine): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-machine-'));
  const root = join(folder, 'root');
  for (const path of ['', ...FOLDERS]) mkdirSync(join(root, path));
  for (const path of LINKS) symlinkSync(`usr/${path}`, join(root, path));
  for (const path of COPIES) copyFileSync(join('/', path), join(root, path));
  const archive = join(folder, 'root.tar');
  await runOrThrow('tar', ['--create', '--file', archive, '--directory', root, '--owner=0', '--group=0', '.']);
  await docker('import', archive, MACHINE_IMAGE);
  rmSync(folder, { recursive: true });
}
