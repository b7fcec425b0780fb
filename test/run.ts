/** `npm test`: static checks, then every test, in the machine's network and in a namespace; ends with `N passed, N failed`. */

import { spawnSync } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { reportStaticChecks } from './static.ts';
import { hasCommand, installPackages, isRoot, PACKAGES } from './support/debian.ts';
import { UNSHARE } from './support/unshare.ts';
import { filesBelow, isNamespaceTest, obstacle, ROOT } from './support/test-files.ts';
import { runVitest } from './support/vitest-stage.ts';

// A listing that finds fewer looked in the wrong place.
const FEWEST_TEST_FILES = 20;

const say = (text: string) => process.stdout.write(`${text}\n`);

function chosenFiles(patterns: readonly string[]): string[] {
  const all = filesBelow('test', ['.test.ts']);
  if (patterns.length === 0) return all;
  // A path may be given from where the user stands; npm runs scripts in the project's folder and says where that was.
  const from = process.env['INIT_CWD'] ?? process.cwd();
  const wanted = patterns.flatMap((pattern) => [pattern, relative(ROOT, resolve(from, pattern))]);
  return all.filter((file) => wanted.some((pattern) => file.includes(pattern)));
}

function namespaceObstacle(): string | undefined {
  if (!isRoot) return 'a network namespace needs root';
  if (!hasCommand('unshare')) return 'unshare is missing (Debian package util-linux)';
  const [command, ...args] = UNSHARE;
  const { status, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `this machine refuses a network namespace (${stderr.trim()})`;
}

async function main(patterns: readonly string[]): Promise<number> {
  let passed = 0;
  let failed = 0;
  const add = (result: { passed: number; failed: number; complaints?: readonly string[] }) => {
    passed += result.passed;
    failed += result.failed;
    notes.push(...(result.complaints ?? []));
  };
  const notes: string[] = [];
  const files = chosenFiles(patterns);
  const whole = patterns.length === 0;
  if (!whole) say(`Only the ${files.length} test files that match ${patterns.join(' ')}; no static checks.`);
  if (files.length < (whole ? FEWEST_TEST_FILES : 1))
    add({ passed: 0, failed: 1, complaints: [`found ${files.length} test files`] });

  const missing = installPackages(PACKAGES);
  if (missing !== undefined) say(`Debian packages ${missing}`);
  if (whole) add(reportStaticChecks());

  const inNamespace = namespaceObstacle();
  const obstacles = new Map<string, string>();
  for (const file of files) {
    const why = obstacle(file) ?? (isNamespaceTest(file) ? inNamespace : undefined);
    if (why !== undefined) obstacles.set(file, why);
  }
  const runnable = files.filter((file) => !obstacles.has(file));
  const here = runnable.filter((file) => !isNamespaceTest(file));
  const there = runnable.filter(isNamespaceTest);
  if (here.length > 0) add(await runVitest(here, 'here'));
  if (there.length > 0) add(await runVitest(there, 'namespace'));

  for (const note of notes) say(`FAIL ${note}`);
  if (obstacles.size > 0) {
    const verdict = process.env['CI'] === undefined ? 'not run on this machine' : 'not run, which CI counts as failed';
    for (const [file, why] of obstacles) say(`${verdict}: ${file}: ${why}`);
    if (process.env['CI'] !== undefined) failed += obstacles.size;
  }
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
