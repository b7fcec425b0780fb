/** Programs are built once, whole or not at all, and never where the user has their own. */

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';

// The smallest there is: a second to build, with nothing to download.
const PROGRAM = 'pause';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-build-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const code = (name: string) =>
  `import('${ROOT}/test/cluster/build.ts').then(async (b) => console.log(await b.buildProgram('${name}')))`;
const build = (caches: string) => run(process.execPath, ['-e', code(PROGRAM)], { env: { XDG_CACHE_HOME: caches } });

function programsIn(caches: string): string[] {
  return readdirSync(caches, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith(`/${PROGRAM}`));
}

test('two runs that start at once build it once, and both get it', async () => {
  const caches = join(folder, 'two');
  const [first, second] = await Promise.all([build(caches), build(caches)]);
  expect(first.code).toBe(0);
  expect(second.stdout).toBe(first.stdout);
  expect(first.stdout.trim()).toBe(join(caches, 'isthmus', programsIn(join(caches, 'isthmus'))[0] ?? ''));
  const again = await build(caches);
  expect(again).toMatchObject({ code: 0, stdout: first.stdout, stderr: '' });
}, 60_000);

test('a build that is killed leaves nothing that is taken for a program', async () => {
  const caches = join(folder, 'killed');
  const child = spawn(process.execPath, ['-e', code(PROGRAM)], {
    env: { ...process.env, XDG_CACHE_HOME: caches },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  await new Promise((resolve) => child.stderr.once('data', resolve));
  // The whole group: the compiler as well.
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(programsIn(join(caches, 'isthmus'))).toEqual([]);
  expect(await build(caches)).toMatchObject({ code: 0 });
}, 60_000);

test("the user's own in KUBEBUILDER_ASSETS is taken as it is", async () => {
  const own = mkdtempSync(join(folder, 'own-'));
  writeFileSync(join(own, 'etcd'), '');
  chmodSync(join(own, 'etcd'), 0o755);
  const { stdout } = await run(process.execPath, ['-e', code('etcd')], { env: { KUBEBUILDER_ASSETS: own } });
  expect(stdout).toBe(`${join(own, 'etcd')}\n`);
});
