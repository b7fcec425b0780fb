/** Reading folders: which files count, in which order, and what is said about those that cannot be read. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatManifestProblem } from '../../../cli/manifests/document.ts';
import { FolderReader } from '../../../cli/manifests/folder.ts';
import { readManifests } from '../../../cli/manifests/read.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isthmus-manifests-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const map = (name: string, value = 'x') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: "${value}"}\n`;

function write(file: string, content: string | Uint8Array): string {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Paths without the temporary folder, so that they can be compared. */
function read(...folders: string[]) {
  const { documents, problems, notes } = readManifests(folders.map((folder) => join(root, folder)));
  return {
    documents: documents.map(({ file, name, content }) => {
      const value = content.type === 'data' ? new TextDecoder().decode(content.data.value) : content.type;
      return `${file.slice(root.length + 1)} ${name}=${value}`;
    }),
    problems: problems.map((problem) => formatManifestProblem(problem).replaceAll(`${root}/`, '')),
    notes: notes.map(({ file, message }) => `${file.slice(root.length + 1)}: ${message}`),
  };
}

describe('a folder', () => {
  test('is read with those below it, by name, without dot-files and other files', () => {
    write('dir/b.yml', map('b'));
    write('dir/a.yaml', map('a'));
    write('dir/c.JSON', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }));
    write('dir/below/d.yaml', map('d'));
    write('dir/.hidden.yaml', map('hidden'));
    write('dir/.git/e.yaml', map('git'));
    write('dir/a.yaml~', map('backup'));
    write('dir/README.md', '# not a manifest: {');
    expect(read('dir')).toEqual({
      documents: ['dir/a.yaml a=x', 'dir/b.yml b=x', 'dir/below/d.yaml d=x', 'dir/c.JSON c=undefined'].map((line) =>
        line.replace('=undefined', '='),
      ),
      problems: [],
      notes: [],
    });
  });

  test('mounted from a ConfigMap is read through its links once', () => {
    write('mount/..2026_01/a.yaml', map('a'));
    symlinkSync('..2026_01', join(root, 'mount/..data'));
    symlinkSync('..data/a.yaml', join(root, 'mount/a.yaml'));
    expect(read('mount').documents).toEqual(['mount/a.yaml a=x']);
  });

  test('that links to one above it ends', () => {
    write('dir/a.yaml', map('a'));
    symlinkSync('..', join(root, 'dir/up'));
    expect(read('dir')).toEqual({ documents: ['dir/a.yaml a=x'], problems: [], notes: [] });
  });

  test('that is missing is a problem; the others are read', () => {
    write('dir/a.yaml', map('a'));
    expect(read('nowhere', 'dir')).toEqual({
      documents: ['dir/a.yaml a=x'],
      problems: ['nowhere: there is no such file or folder'],
      notes: [],
    });
  });

  test('may be a single file', () => {
    write('a.yaml', map('a'));
    write('b.yaml', map('b'));
    expect(read('a.yaml').documents).toEqual(['a.yaml a=x']);
  });

  test('given later replaces the same kind and name of an earlier one', () => {
    write('base/all.yaml', `${map('a', 'base')}---\n${map('b', 'base')}`);
    write('overlay/b.yaml', map('b', 'overlay'));
    expect(read('base', 'overlay')).toMatchObject({
      documents: ['base/all.yaml a=base', 'overlay/b.yaml b=overlay'],
      problems: [],
    });
  });

  test('with one name in two files is a problem', () => {
    write('dir/a.yaml', map('a'));
    write('dir/b.yaml', `\n${map('a')}`);
    expect(read('dir').problems).toEqual([
      expect.stringMatching(/^dir\/b\.yaml:4: metadata\.name: ConfigMap a is there twice: .*a\.yaml:1 has it already/),
    ]);
  });
});

describe('a file', () => {
  test.each([
    [
      'that leads nowhere',
      'dir/a.yaml: there is no such file or folder',
      () => symlinkSync('gone', join(root, 'dir/a.yaml')),
    ],
    [
      'that leads to itself',
      'dir/a.yaml: is a symbolic link that leads back to itself',
      () => symlinkSync('a.yaml', join(root, 'dir/a.yaml')),
    ],
    [
      'in UTF-16',
      'dir/a.yaml:1: is UTF-16: save it as UTF-8',
      () => write('dir/a.yaml', Buffer.from(`\ufeff${map('a')}`, 'utf16le')),
    ],
    [
      'in Latin-1',
      'dir/a.yaml:3: holds bytes that are not UTF-8: save it as UTF-8',
      () => write('dir/a.yaml', Buffer.from('# first\n# second\n# Jürgen\n', 'latin1')),
    ],
  ])('%s is a problem', (_title, expected, make) => {
    write('dir/b.yaml', map('b'));
    make();
    expect(read('dir')).toEqual({ documents: ['dir/b.yaml b=x'], problems: [expected], notes: [] });
  });

  test('with a byte order mark is read as without', () => {
    write('dir/a.yaml', `\ufeff${map('a')}`);
    expect(read('dir')).toMatchObject({ documents: ['dir/a.yaml a=x'], problems: [] });
  });

  test('that is empty is a note', () => {
    write('dir/a.yaml', '');
    expect(read('dir')).toEqual({ documents: [], problems: [], notes: ['dir/a.yaml: holds no object'] });
  });
});

test('a reader parses again only what has changed', () => {
  write('dir/a.yaml', map('a', '1'));
  write('dir/b.yaml', map('b', '1'));
  const reader = new FolderReader();
  const first = reader.read(join(root, 'dir'));
  write('dir/b.yaml', map('b', '2'));
  write('dir/c.yaml', map('c', '1'));
  const second = reader.read(join(root, 'dir'));
  expect(second.files[0]).toBe(first.files[0]);
  expect(second.files[1]).not.toBe(first.files[1]);
  expect(second.files.map(({ name }) => name)).toEqual(['a', 'b', 'c'].map((name) => join(root, `dir/${name}.yaml`)));
});
