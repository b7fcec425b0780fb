/** `npm test`: static checks, then every test, on this machine, in a namespace and on a cluster; ends with `N passed, N failed`. */

import { spawnSync } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { buildPrograms } from './cluster/build.ts';
import { clusterObstacle, clusterStageOf, programsOf } from './cluster/stage.ts';
import { reportStaticChecks } from './static.ts';
import { hasCommand, installPackages, isRoot, PACKAGES } from './support/debian.ts';
import { UNSHARE } from './support/unshare.ts';
import { filesBelow, isNamespaceTest, obstacle, ROOT } from './support/test-files.ts';
import { runVitest, type Stage } from './support/vitest-stage.ts';

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
  const missing = ['unshare', 'setpriv'].find((command) => !hasCommand(command));
  if (missing !== undefined) return `${missing} is missing (Debian package util-linux)`;
  const [command, ...args] = UNSHARE;
  const { status, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `this machine refuses a network namespace (${stderr.trim()})`;
}

function stageOf(file: string): Stage {
  return clusterStageOf(file) ?? (isNamespaceTest(file) ? 'namespace' : 'here');
}

const isUnshared = (stage: Stage): boolean => stage === 'namespace' || stage === 'nodes';

/** Builds what these files start, while there still is a network to download from; what went wrong, if something did. */
async function buildFor(testFiles: readonly string[]): Promise<string | undefined> {
  try {
    await buildPrograms([...new Set(testFiles.flatMap(programsOf))]);
    return undefined;
  } catch (error) {
    return `no cluster: ${error instanceof Error ? error.message : String(error)}`;
  }
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
    const unshared = isUnshared(stageOf(file)) ? inNamespace : undefined;
    const why = obstacle(file) ?? unshared ?? clusterObstacle(file);
    if (why !== undefined) obstacles.set(file, why);
  }
  const runnable = Map.groupBy(
    files.filter((file) => !obstacles.has(file)),
    stageOf,
  );
  const here = runnable.get('here') ?? [];
  const there = runnable.get('namespace') ?? [];
  const onCluster = runnable.get('cluster') ?? [];
  const onNodes = runnable.get('nodes') ?? [];
  if (here.length > 0) add(await runVitest(here, 'here'));
  if (there.length > 0) add(await runVitest(there, 'namespace'));
  const unbuilt = await buildFor([...onCluster, ...onNodes]);
  if (unbuilt !== undefined) add({ passed: 0, failed: onCluster.length + onNodes.length, complaints: [unbuilt] });
  else {
    if (onCluster.length > 0) add(await runVitest(onCluster, 'cluster'));
    // Each in a namespace of its own: what one cluster's network leaves behind must not reach the next.
    for (const file of onNodes) add(await runVitest([file], 'nodes'));
  }

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
