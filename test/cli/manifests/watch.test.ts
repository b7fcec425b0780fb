/** Every way in which people and programs change files is noticed, once. */

import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Watch, watchManifests } from '../../../cli/manifests/watch.ts';

let root: string;
const open: Watch[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isthmus-watch-'));
  mkdirSync(join(root, 'dir/below'), { recursive: true });
  writeFileSync(join(root, 'dir/a.yaml'), 'a: 1');
  writeFileSync(join(root, 'dir/below/b.yaml'), 'b: 1');
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
  rmSync(root, { recursive: true });
});

/** Counts the calls; next() resolves at the next one, also when it came already. */
function start(...folders: string[]) {
  let calls = 0;
  let taken = 0;
  let wake = () => {};
  const watch = watchManifests(
    folders.map((folder) => join(root, folder)),
    () => {
      calls++;
      wake();
    },
  );
  open.push(watch);
  const next = async () => {
    if (calls === taken) await new Promise<void>((resolve) => (wake = resolve));
    taken = calls;
  };
  return { watch, next, calls: () => calls };
}

const CHANGES: Record<string, () => void> = {
  'a file that is written': () => writeFileSync(join(root, 'dir/a.yaml'), 'a: 2'),
  'a file of the same size': () => writeFileSync(join(root, 'dir/a.yaml'), 'a: 3'),
  'a new file': () => writeFileSync(join(root, 'dir/c.yaml'), 'c: 1'),
  'a file below': () => writeFileSync(join(root, 'dir/below/b.yaml'), 'b: 2'),
  'a file that an editor replaces': () => {
    writeFileSync(join(root, 'dir/.a.yaml.swp'), 'a: 4');
    renameSync(join(root, 'dir/.a.yaml.swp'), join(root, 'dir/a.yaml'));
  },
  'a deleted file': () => rmSync(join(root, 'dir/a.yaml')),
  'a new folder with a file': () => {
    mkdirSync(join(root, 'dir/new'));
    writeFileSync(join(root, 'dir/new/d.yaml'), 'd: 1');
  },
  'a folder that is made anew': () => {
    rmSync(join(root, 'dir'), { recursive: true });
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir/e.yaml'), 'e: 1');
  },
  'a folder that disappears': () => rmSync(join(root, 'dir'), { recursive: true }),
};

describe('is noticed:', () => {
  test.each(Object.keys(CHANGES))('%s', async (title) => {
    const { next, calls } = start('dir');
    CHANGES[title]?.();
    await next();
    expect(calls()).toBe(1);
  });

  test('a change in a folder that came later', async () => {
    const { next, calls } = start('dir');
    mkdirSync(join(root, 'dir/new'));
    writeFileSync(join(root, 'dir/new/d.yaml'), 'd: 1');
    await next();
    writeFileSync(join(root, 'dir/new/d.yaml'), 'd: 2');
    await next();
    expect(calls()).toBe(2);
  });

  test('a folder that is there only now', async () => {
    const { next, calls } = start('later');
    mkdirSync(join(root, 'later'));
    writeFileSync(join(root, 'later/a.yaml'), 'a: 1');
    await next();
    expect(calls()).toBe(1);
  });

  test('a mounted ConfigMap, whose link ..data is switched', async () => {
    mkdirSync(join(root, 'mount/..1'), { recursive: true });
    mkdirSync(join(root, 'mount/..2'));
    writeFileSync(join(root, 'mount/..1/a.yaml'), 'a: 1');
    writeFileSync(join(root, 'mount/..2/a.yaml'), 'a: 2');
    symlinkSync('..1', join(root, 'mount/..data'));
    symlinkSync('..data/a.yaml', join(root, 'mount/a.yaml'));
    const { next, calls } = start('mount');
    symlinkSync('..2', join(root, 'mount/..data_tmp'));
    renameSync(join(root, 'mount/..data_tmp'), join(root, 'mount/..data'));
    await next();
    expect(calls()).toBe(1);
  });

  test('a file elsewhere that a link leads to', async () => {
    writeFileSync(join(root, 'elsewhere.yaml'), 'a: 1');
    symlinkSync('../elsewhere.yaml', join(root, 'dir/link.yaml'));
    const { next, calls } = start('dir');
    writeFileSync(join(root, 'elsewhere.yaml'), 'a: 22');
    await next();
    expect(calls()).toBe(1);
  });
});

test('a burst of changes is one change', async () => {
  const { next, calls } = start('dir');
  for (let index = 0; index < 50; index++) writeFileSync(join(root, `dir/${index}.yaml`), 'x: 1');
  await next();
  writeFileSync(join(root, 'dir/a.yaml'), 'a: last');
  await next();
  expect(calls()).toBe(2);
});

test('files that are no manifests are not noticed', async () => {
  const { calls } = start('dir');
  mkdirSync(join(root, 'other'));
  const other = start('other');
  writeFileSync(join(root, 'dir/.a.yaml.swp'), 'x');
  writeFileSync(join(root, 'dir/notes.txt'), 'x');
  // Later than what came before it, and waited for as long.
  writeFileSync(join(root, 'other/a.yaml'), 'a: 1');
  await other.next();
  expect(calls()).toBe(0);
});

test('nothing is noticed after close', async () => {
  const closed = start('dir');
  const other = start('dir');
  closed.watch.close();
  writeFileSync(join(root, 'dir/a.yaml'), 'a: 2');
  await other.next();
  writeFileSync(join(root, 'dir/a.yaml'), 'a: 33');
  await other.next();
  expect([closed.calls(), other.calls()]).toEqual([0, 2]);
});
