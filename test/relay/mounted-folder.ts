/** A volume as the kubelet writes it: a folder with a time in its name, and a link to it renamed over the old one. */

import { mkdirSync, mkdtempSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class MountedFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'isthmus-mount-'));
  #count = 0;

  /** Everything that is in it from now on. */
  set(files: Readonly<Record<string, string | Uint8Array>>): void {
    this.#count += 1;
    const fresh = `..2026_11_22_09_00_00.${String(this.#count).padStart(9, '0')}`;
    mkdirSync(join(this.folder, fresh));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(this.folder, fresh, name), content);
    const before = this.#current();
    symlinkSync(fresh, join(this.folder, '..data_tmp'));
    renameSync(join(this.folder, '..data_tmp'), join(this.folder, '..data'));
    for (const name of Object.keys(files)) {
      rmSync(join(this.folder, name), { force: true });
      symlinkSync(join('..data', name), join(this.folder, name));
    }
    if (before !== undefined) rmSync(join(this.folder, before), { recursive: true });
  }

  /** After the whole folder was removed. */
  restore(): void {
    mkdirSync(this.folder);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #current(): string | undefined {
    try {
      return readlinkSync(join(this.folder, '..data'));
    } catch {
      return undefined;
    }
  }
}
