import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolderWatch } from '../../../relay/config-source/folder-watch.ts';
import { MountedFolder } from '../mounted-folder.ts';

let mount: MountedFolder;
let watch: FolderWatch | undefined;
let changes: number;

beforeEach(() => {
  mount = new MountedFolder();
  changes = 0;
});

afterEach(() => {
  watch?.close();
  mount.remove();
});

async function follow(): Promise<void> {
  watch = new FolderWatch(mount.folder, () => {
    changes += 1;
  });
  await watch.start();
}

const seen = async (count: number) => await expect.poll(() => changes, { timeout: 20_000, interval: 10 }).toBe(count);

describe('a watched folder', () => {
  test('is noticed each time its link is switched, and not for what was there', async () => {
    mount.set({ a: '1' });
    await follow();
    for (const count of [1, 2, 3]) {
      mount.set({ a: String(count) });
      await seen(count);
    }
  });

  test('is noticed when it comes, and when it is replaced as a whole', async () => {
    rmSync(mount.folder, { recursive: true });
    await follow();
    mount.restore();
    mount.set({ a: '1' });
    await expect.poll(() => changes, { timeout: 20_000 }).toBeGreaterThan(0);
    const before = changes;
    rmSync(mount.folder, { recursive: true });
    mount.restore();
    mount.set({ a: '2' });
    await expect.poll(() => changes, { timeout: 20_000 }).toBeGreaterThan(before);
  });
});
