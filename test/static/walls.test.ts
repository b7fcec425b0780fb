/** Proves that the import walls and the lint rules stop what they are there to stop, in a copy that holds one violation a file. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';

interface Case {
  readonly file: string;
  readonly source: string;
  /** The rule, or the compiler's error, that must be met; undefined: nothing at all may be said. */
  readonly meets: string | undefined;
}

const IMPORTS = 'no-restricted-imports';
const GLOBALS = 'no-restricted-globals';

/** What the linter must say about each line, standing alone in a file of that folder. */
const LINT: readonly [folder: string, line: string, meets: string | undefined][] = [
  ['relay/core', "import { z } from 'zod';\nexport const schema = z.string();", undefined],
  ['relay/core', "import { toASCII } from 'tr46';\nexport const f = toASCII;", undefined],
  ['relay/core', "import { two } from './neighbour.ts';\nexport const f = two;", undefined],
  ['relay/core', "import pino from 'pino';\nexport const f = pino;", IMPORTS],
  ['relay/core', "import { hash } from 'node:crypto';\nexport const f = hash;", IMPORTS],
  ['relay/core', "import type { Readable } from 'node:stream';\nexport type F = Readable;", IMPORTS],
  ['relay/core', "export const f = await import('node:fs');", IMPORTS],
  ['relay/core', "import { two } from '../smtp/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['relay/core', "import { two } from '../../crds/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['relay/core', 'export const f = Date.now();', GLOBALS],
  ['relay/core', 'export const f = new Date();', GLOBALS],
  ['relay/core', 'export const f = performance.now();', GLOBALS],
  ['relay/core', 'export const f = Buffer.alloc(1);', GLOBALS],
  ['relay/core', "export const f = new URL('https://a.example');", GLOBALS],
  ['relay/core', 'export const f = process.env;', GLOBALS],
  ['relay/core', 'export const f = crypto.randomUUID();', GLOBALS],
  ['relay/core', 'export const f = globalThis;', GLOBALS],
  ['relay/core', 'setTimeout(() => undefined, 1);', GLOBALS],
  ['relay/core', "console.log('x');", GLOBALS],
  ['relay/core', 'export const f = Math.random();', 'no-restricted-properties'],
  ['relay/core', 'export const f = Math.max(1, 2);', undefined],
  ['relay/smtp', "import { two } from '../core/neighbour.ts';\nexport const f = two;", undefined],
  ['relay/smtp', "import type { Two } from '../next-hop/neighbour.ts';\nexport type F = Two;", undefined],
  ['relay/smtp', "import { connect } from 'node:net';\nexport const f = connect;", undefined],
  ['relay/smtp', "import { two } from '../next-hop/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['relay/smtp', "import { two } from '../neighbour.ts';\nexport const f = two;", IMPORTS],
  ['relay/smtp', "import type { Two } from '../../crds/neighbour.ts';\nexport type F = Two;", IMPORTS],
  ['relay/smtp', "import type { Two } from '../../operator/compile/neighbour.ts';\nexport type F = Two;", IMPORTS],
  ['relay/smtp', "import { two } from '../../cli/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['relay', "import { two } from './smtp/neighbour.ts';\nexport const f = two;", undefined],
  ['relay', "import { two } from '../operator/compile/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['relay', "import type { Two } from '../crds/neighbour.ts';\nexport type F = Two;", IMPORTS],
  ['crds', "import { z } from 'zod';\nexport const schema = z.string();", undefined],
  ['crds', "import { evaluate } from '@marcbachmann/cel-js';\nexport const f = evaluate;", undefined],
  ['crds', "import { parse } from 'yaml';\nexport const f = parse;", IMPORTS],
  ['crds/v1alpha1', "import { two } from '../neighbour.ts';\nexport const f = two;", undefined],
  ['crds/v1alpha1', "import { two } from '../../relay/core/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['crds', "import { readFileSync } from 'node:fs';\nexport const f = readFileSync;", IMPORTS],
  ['operator/compile', "import { parse } from 'csv-parse/sync';\nexport const f = parse;", undefined],
  ['operator/compile', "import { two } from '../../crds/neighbour.ts';\nexport const f = two;", undefined],
  ['operator/compile', "import { two } from '../../relay/core/neighbour.ts';\nexport const f = two;", undefined],
  ['operator/compile', "import { two } from '../../relay/smtp/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['operator/compile', "import { two } from '../neighbour.ts';\nexport const f = two;", IMPORTS],
  ['operator/compile', "import { parse } from 'yaml';\nexport const f = parse;", IMPORTS],
  ['operator/compile', 'export const f = Date.now();', GLOBALS],
  ['operator/compile', 'export const f = Math.random();', 'no-restricted-properties'],
  ['operator', "import { KubeConfig } from '@kubernetes/client-node';\nexport const f = KubeConfig;", IMPORTS],
  ['operator/reconcile', "import { fetch } from 'undici';\nexport const f = fetch;", IMPORTS],
  ['operator/reconcile', "import { two } from '../kube/neighbour.ts';\nexport const f = two;", undefined],
  ['operator/kube', "import { KubeConfig } from '@kubernetes/client-node';\nexport const f = KubeConfig;", undefined],
  ['operator/kube', "import { two } from '../reconcile/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['operator/manifests', "import { two } from '../../crds/neighbour.ts';\nexport const f = two;", undefined],
  ['operator/manifests', "import { two } from '../reconcile/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['operator/manifests', "import { hash } from 'node:crypto';\nexport const f = hash;", IMPORTS],
  ['operator/rollout', "import { two } from '../../relay/core/neighbour.ts';\nexport const f = two;", undefined],
  ['operator/rollout', "import { two } from '../kube/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['operator/rollout', 'export const f = Date.now();', GLOBALS],
  ['operator/status', "import { two } from '../../crds/neighbour.ts';\nexport const f = two;", undefined],
  ['operator/status', "import { two } from '../reconcile/neighbour.ts';\nexport const f = two;", IMPORTS],
  ['operator/status', 'export const f = Date.now();', GLOBALS],
  ['cli', "import { fetch } from 'undici';\nexport const f = fetch;", IMPORTS],
  ['cli', "import { two } from '../relay/neighbour.ts';\nexport const f = two;", undefined],
  ['relay', 'async function f() {}\nf();', 'no-floating-promises'],
  [
    'relay',
    "export function f(x: 'a' | 'b') {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n}",
    'switch-exhaustiveness-check',
  ],
  ['relay', 'export const f = (x: any) => x;', 'no-explicit-any'],
  ['relay', `export const f = [${'\n  1,'.repeat(300)}\n];`, 'max-lines'],
  ['test', "import { expect, it } from 'vitest';\nit.skip('x', () => expect(1).toBe(1));", 'no-disabled-tests'],
  ['test', "import { expect, it } from 'vitest';\nit.only('x', () => expect(1).toBe(1));", 'no-focused-tests'],
];

/** What the compiler must say: project references and library settings are the first wall. */
const COMPILER: readonly [folder: string, line: string, meets: string | undefined][] = [
  ['relay/core', "import { two } from './neighbour.ts';\nexport const f: number = two;", undefined],
  ['relay/core', "import { hash } from 'node:crypto';\nexport const f = hash;", 'TS2591'],
  ['relay/core', 'export const f = Buffer.alloc(1);', 'TS2591'],
  ['relay/core', "export const f = new URL('https://a.example');", 'TS2304'],
  ['relay/core', "import { two } from '../../crds/neighbour.ts';\nexport const f: number = two;", 'TS6307'],
  ['relay/core', "import { two } from '../smtp/neighbour.ts';\nexport const f: number = two;", 'TS6307'],
  ['relay/smtp', "import { two } from '../../operator/compile/neighbour.ts';\nexport const f: number = two;", 'TS6307'],
  ['relay/smtp', "import { two } from '../../crds/neighbour.ts';\nexport const f: number = two;", 'TS6307'],
  ['operator/compile', "import { two } from '../../relay/smtp/neighbour.ts';\nexport const f: number = two;", 'TS6307'],
  ['operator/compile', "import { two } from '../neighbour.ts';\nexport const f: number = two;", 'TS6307'],
];

const FOLDERS = 'relay relay/core relay/smtp relay/next-hop crds crds/v1alpha1 operator operator/compile cli demo test';
const PROJECTS = ['crds', 'relay/core', 'relay', 'operator/compile', 'operator', 'cli'];

function makeCopy(name: string, cases: readonly Case[]): string {
  const directory = mkdtempSync(join(tmpdir(), `isthmus-${name}-`));
  for (const file of ['.oxlintrc.json', 'package.json', 'tsconfig.base.json']) {
    cpSync(join(ROOT, file), join(directory, file));
  }
  for (const folder of FOLDERS.split(' ')) {
    mkdirSync(join(directory, folder), { recursive: true });
    writeFileSync(join(directory, folder, 'neighbour.ts'), 'export const two = 2;\nexport type Two = 2;\n');
  }
  for (const project of PROJECTS)
    cpSync(join(ROOT, project, 'tsconfig.json'), join(directory, project, 'tsconfig.json'));
  const references = PROJECTS.map((path) => ({ path }));
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ files: [], references }));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, source } of cases) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), `${source}\n`);
  }
  return directory;
}

const numbered = (cases: typeof LINT): Case[] =>
  cases.map(([folder, source, meets], index) => ({ file: `${folder}/case-${index}.ts`, source, meets }));

const title = ({ file, source, meets }: Case) =>
  `${meets ?? 'nothing'} for ${dirname(file)}: ${source.split('\n')[0]?.slice(0, 70)}`;

describe('the linter says', () => {
  const cases = numbered(LINT);
  let directory = '';
  let said: { filename: string; code: string }[] = [];
  let looked = 0;

  beforeAll(async () => {
    directory = makeCopy('lint', cases);
    const args = [join(ROOT, 'node_modules/oxlint/bin/oxlint'), '--type-aware', '--format=json', '.'];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: directory });
    if (!stdout.startsWith('{')) throw new Error(`oxlint did not report:\n${stdout}${stderr}`);
    const report = JSON.parse(stdout) as { diagnostics: typeof said; number_of_files: number };
    said = report.diagnostics;
    looked = report.number_of_files;
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('something about every folder: it looked at every file', () => {
    expect(looked).toBe(cases.length + FOLDERS.split(' ').length);
  });

  it.each(cases.map((each) => [title(each), each] as const))('%s', (_, { file, meets }) => {
    const rules = said.filter((each) => each.filename === file).map((each) => /\((.*)\)/.exec(each.code)?.[1]);
    expect([...new Set(rules)]).toEqual(meets === undefined ? [] : [meets]);
  });
});

describe('the compiler says', () => {
  const cases = numbered(COMPILER);
  let directory = '';
  let said: string[] = [];

  beforeAll(async () => {
    directory = makeCopy('types', cases);
    const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', '--pretty', 'false'];
    said = (await run(process.execPath, args, { cwd: directory })).stdout.split('\n');
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(cases.map((each) => [title(each), each] as const))('%s', (_, { file, meets }) => {
    const codes = said.filter((line) => line.startsWith(`${file}(`)).map((line) => /error (TS\d+)/.exec(line)?.[1]);
    expect([...new Set(codes)]).toEqual(meets === undefined ? [] : [meets]);
  });
});
