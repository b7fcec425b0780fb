/** The images of this checkout, made once for as long as nothing changes that is in them, however many test files want them. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compileFor } from '../../../deploy/image/compile.ts';
import { buildImages, IMAGE_NAMES, REPOSITORY, readCheckout } from '../../../deploy/image/images.ts';
import { filesBelow, ROOT } from '../../support/test-files.ts';

/** As they lie on every node of a test's cluster. */
export const TAG = 'tested';
export const RELAY_IMAGE = `${REPOSITORY}/relay`;

const SOURCES = ['relay', 'operator', 'crds', 'deploy/image'];
const PLACE = join(ROOT, 'build/image/tested');
/** Longer than any run uses what it found. */
const KEPT_MS = 3 * 3_600_000;

/** Paths of the archives of both. */
export async function testedImages(): Promise<string[]> {
  mkdirSync(PLACE, { recursive: true });
  const folder = join(PLACE, contentHash());
  if (!existsSync(folder)) await build(folder);
  return IMAGE_NAMES.map((name) => join(folder, `isthmus-${name}.tar`));
}

function contentHash(): string {
  const hash = createHash('sha256');
  const files = SOURCES.flatMap((source) => filesBelow(source, ['.ts'])).sort();
  for (const file of [...files, 'package-lock.json', 'tsconfig.base.json']) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

/** Has its name only when it is whole: two runs at once may both build it, and either's is good. */
async function build(folder: string): Promise<void> {
  const compiled = compileFor(ROOT, IMAGE_NAMES);
  if (!compiled.ok) throw new Error(`the images cannot be made, as the sources do not compile:\n${compiled.output}`);
  const half = mkdtempSync(join(PLACE, 'half-'));
  await buildImages(readCheckout(ROOT), IMAGE_NAMES, { folder: half, tag: TAG });
  if (existsSync(folder)) rmSync(half, { recursive: true });
  else renameSync(half, folder);
  for (const name of readdirSync(PLACE)) {
    const path = join(PLACE, name);
    if (path !== folder && Date.now() - statSync(path).mtimeMs > KEPT_MS)
      rmSync(path, { recursive: true, force: true });
  }
}
