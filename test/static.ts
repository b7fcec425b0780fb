/** The checks that need no running program: types, import walls, format, generated files, sizes and names. `npm run check` */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { filesBelow, ROOT } from './support/test-files.ts';

export interface StaticCheck {
  readonly name: string;
  /** What is wrong, a line each; empty: passed. */
  readonly complaints: readonly string[];
}

const MAX_LINES = 300;
const SOURCES = ['.ts', '.mjs'];
/** Names that say where something was put, not what it does. */
const DRAWERS = /^(utils?|helpers?|common|misc|tools|types|base|managers?|services?)(\.d)?(\.test)?(\.ts|\.mjs)?$/;

/** What a tool printed when it failed, else nothing; and a complaint when it says it looked at fewer files than there are. */
function tool(args: readonly string[], looked?: { pattern: RegExp; atLeast: number }): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  // oxlint colours its words whenever CI is set.
  const output = stripVTControlCharacters(`${stdout}${stderr}`);
  if (status !== 0) return output.trim().split('\n');
  const seen = Number(looked?.pattern.exec(output)?.[1] ?? 0);
  if (looked === undefined || seen >= looked.atLeast) return [];
  return [`looked at ${seen} files; there are ${looked.atLeast}`];
}

function projectsOf(): string[] {
  const { references } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as {
    references: { path: string }[];
  };
  return references.map((reference) => reference.path);
}

export function staticChecks(): StaticCheck[] {
  const sources = filesBelow('', SOURCES);
  const typed = sources.filter((file) => file.endsWith('.ts'));
  const folders = new Set(sources.flatMap((file) => dirname(file).split('/')));
  const projects = projectsOf();
  const lines = (file: string) => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1;
  const checks: [string, () => readonly string[]][] = [
    ['types: tsc finds no error', () => tool(['node_modules/typescript/bin/tsc', '-b', '--pretty', 'false'])],
    [
      'types: every source file belongs to a project of tsconfig.json',
      () => {
        const outside = typed.filter((file) => !projects.some((project) => file.startsWith(`${project}/`)));
        return outside.filter((file) => file !== 'vitest.config.ts');
      },
    ],
    [
      'lint: oxlint finds no error, and looked at every file',
      () =>
        tool(['node_modules/oxlint/bin/oxlint', '--type-aware', '.'], {
          pattern: /on (\d+) files/,
          atLeast: sources.length,
        }),
    ],
    [
      'format: biome would change nothing, and looked at every file',
      () =>
        tool(['node_modules/@biomejs/biome/bin/biome', 'format', '--reporter=summary', '.'], {
          pattern: /Checked (\d+) files/,
          atLeast: sources.length,
        }),
    ],
    [`sizes: no file has more than ${MAX_LINES} lines`, () => sources.filter((file) => lines(file) > MAX_LINES)],
    [
      'names: no file or folder is a drawer',
      () => [...sources.map((file) => basename(file)), ...folders].filter((name) => DRAWERS.test(name)),
    ],
    [
      'lockfile: names no registry',
      () =>
        /"resolved": "https?:/.test(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) ? ['"resolved" found'] : [],
    ],
  ];
  checks.push(
    ['generated: the CRDs are what crds/generate.ts makes', () => tool(['crds/generate.ts', '--check'])],
    ['generated: the chart is what charts/generate.ts makes', () => tool(['charts/generate.ts', '--check'])],
  );
  return checks.map(([name, check]) => ({ name, complaints: check() }));
}

/** Prints a line a check and what is wrong below it; returns how many passed and failed. */
export function reportStaticChecks(): { passed: number; failed: number } {
  const checks = staticChecks();
  for (const { name, complaints } of checks) {
    process.stdout.write(`${complaints.length === 0 ? 'ok  ' : 'FAIL'} ${name}\n`);
    for (const complaint of complaints) process.stdout.write(`       ${complaint}\n`);
  }
  const failed = checks.filter((check) => check.complaints.length > 0).length;
  return { passed: checks.length - failed, failed };
}

if (import.meta.main) process.exitCode = reportStaticChecks().failed === 0 ? 0 : 1;
