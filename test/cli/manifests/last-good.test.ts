/** A mistake in one file changes nothing that runs; what is right in other files goes live. */

import { expect, test } from 'vitest';
import type { ManifestProblem, ParsedFolder } from '../../../cli/manifests/document.ts';
import { LastGood } from '../../../cli/manifests/last-good.ts';
import { parseFile } from '../../../cli/manifests/parse.ts';

const map = (name: string, value = 'x') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: "${value}"}\n`;

function folder(files: Record<string, string>, problems: string[] = [], name = 'dir'): ParsedFolder {
  return {
    folder: name,
    files: Object.entries(files).map(([file, text]) => parseFile({ name: `${name}/${file}`, text })),
    problems: problems.map((file): ManifestProblem => ({ file, line: undefined, path: [], message: 'cannot be read' })),
  };
}

function update(lastGood: LastGood, ...folders: ParsedFolder[]) {
  const { documents, problems, kept } = lastGood.update(folders);
  const inForce = documents.map(({ name, content }) =>
    content.type === 'data' ? `${name}=${new TextDecoder().decode(content.data.value)}` : content.type,
  );
  return { inForce, problems: problems.length, kept };
}

const GOOD = { 'a.yaml': map('a', '1'), 'b.yaml': map('b', '1') };

test('a file that becomes bad keeps its content while others change', () => {
  const lastGood = new LastGood();
  expect(update(lastGood, folder(GOOD))).toEqual({ inForce: ['a=1', 'b=1'], problems: 0, kept: [] });
  const bad = { 'a.yaml': 'a: "', 'b.yaml': map('b', '2') };
  expect(update(lastGood, folder(bad))).toEqual({ inForce: ['a=1', 'b=2'], problems: 1, kept: ['dir/a.yaml'] });
  // Read again without any change, it is still bad and still kept.
  expect(update(lastGood, folder(bad))).toEqual({ inForce: ['a=1', 'b=2'], problems: 1, kept: ['dir/a.yaml'] });
  const mended = { ...bad, 'a.yaml': map('a', '3') };
  expect(update(lastGood, folder(mended))).toEqual({ inForce: ['a=3', 'b=2'], problems: 0, kept: [] });
});

test('one bad document makes its file bad as a whole', () => {
  const lastGood = new LastGood();
  update(lastGood, folder({ 'a.yaml': map('a', '1') }));
  const half = `${map('a', '2')}---\napiVersion: isthmus.dev/v1alpha1\nkind: SharedDomain\nmetadata: {name: x}\nspec: {}\n`;
  expect(update(lastGood, folder({ 'a.yaml': half }))).toEqual({ inForce: ['a=1'], problems: 1, kept: ['dir/a.yaml'] });
});

test('a new file that is bad adds nothing', () => {
  const lastGood = new LastGood();
  update(lastGood, folder(GOOD));
  expect(update(lastGood, folder({ ...GOOD, 'c.yaml': 'c: "' }))).toMatchObject({
    inForce: ['a=1', 'b=1'],
    problems: 1,
  });
});

test('a deleted file takes its documents with it, also when it was bad', () => {
  const lastGood = new LastGood();
  update(lastGood, folder(GOOD));
  update(lastGood, folder({ ...GOOD, 'a.yaml': 'a: "' }));
  expect(update(lastGood, folder({ 'b.yaml': GOOD['b.yaml'] }))).toEqual({ inForce: ['b=1'], problems: 0, kept: [] });
  expect(update(lastGood, folder({ ...GOOD, 'a.yaml': 'a: "' }))).toMatchObject({ inForce: ['b=1'], problems: 1 });
});

test('a file or folder that cannot be read has not been deleted', () => {
  const lastGood = new LastGood();
  update(lastGood, folder(GOOD), folder({ 'c.yaml': map('c') }, [], 'directory'));
  expect(update(lastGood, folder({ 'b.yaml': GOOD['b.yaml'] }, ['dir/a.yaml']), folder({}, [], 'directory'))).toEqual({
    inForce: ['b=1', 'a=1'],
    problems: 1,
    kept: ['dir/a.yaml'],
  });
  expect(update(lastGood, folder({}, ['dir']))).toEqual({
    inForce: ['b=1', 'a=1'],
    problems: 1,
    kept: ['dir/b.yaml', 'dir/a.yaml'],
  });
});

test('who held a name keeps it; the file that claims it too keeps what it had', () => {
  const lastGood = new LastGood();
  update(lastGood, folder(GOOD));
  const claim = { ...GOOD, 'a.yaml': `${map('a', '2')}---\n${map('b', '2')}` };
  expect(update(lastGood, folder(claim))).toEqual({ inForce: ['a=1', 'b=1'], problems: 1, kept: ['dir/a.yaml'] });
});

test('a document may move to another file, whichever of the two is saved first', () => {
  const lastGood = new LastGood();
  update(lastGood, folder(GOOD));
  const copied = { ...GOOD, 'c.yaml': map('a', '2') };
  expect(update(lastGood, folder(copied))).toMatchObject({ inForce: ['a=1', 'b=1'], problems: 1 });
  const moved = { 'b.yaml': GOOD['b.yaml'], 'c.yaml': map('a', '2') };
  expect(update(lastGood, folder(moved))).toEqual({ inForce: ['b=1', 'a=2'], problems: 0, kept: [] });
});

test('two new files that claim one name: the first has it', () => {
  const lastGood = new LastGood();
  const claims = { 'a.yaml': map('a', '1'), 'b.yaml': map('a', '2') };
  expect(update(lastGood, folder(claims))).toMatchObject({ inForce: ['a=1'], problems: 1 });
});

test('a claim on what a bad file still holds is refused', () => {
  const lastGood = new LastGood();
  update(lastGood, folder(GOOD));
  const both = { 'a.yaml': 'a: "', 'b.yaml': `${map('a', '2')}---\n${map('b', '2')}` };
  expect(update(lastGood, folder(both))).toMatchObject({
    inForce: ['a=1', 'b=1'],
    problems: 2,
    kept: ['dir/a.yaml', 'dir/b.yaml'],
  });
});

test('a later folder still replaces what an earlier one says', () => {
  const lastGood = new LastGood();
  const base = folder(GOOD, [], 'base');
  expect(update(lastGood, base, folder({ 'a.yaml': map('a', 'overlay') }, [], 'overlay')).inForce).toEqual([
    'a=overlay',
    'b=1',
  ]);
});
