import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { PARTS } from '../../demo/parts.ts';
import { type Finished, run } from '../support/child-process.ts';

const ACTS = PARTS.flatMap(({ acts }) => acts);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** Cold starts of four programs and some dozens of conversations, on a machine that does other things as well. */
const PATIENCE_MS = 120_000;

let demo: Finished;
beforeAll(async () => {
  demo = await run(process.execPath, ['demo/main.ts'], { cwd: root });
}, PATIENCE_MS);

test('ends by itself with exit code 0, everything as the story says', () => {
  expect(`${demo.stdout}${demo.stderr}`).toContain(`All ${ACTS.length} went as the story says.`);
  expect(demo.stdout).not.toContain('✗ ');
  expect(demo.stderr).toBe('');
  expect(demo.code).toBe(0);
});

test.each(ACTS.map(({ title }, index) => `${`${index + 1}.`.padEnd(4)}${title}`))('tells: %s', (heading) => {
  expect(demo.stdout).toContain(`${heading}\n`);
});

test('shows what went in beside what came out', () => {
  expect(demo.stdout).toMatch(/^ +MAIL FROM john\.smith@tenant1\.example +→ +john\.smith@shared\.example$/m);
  expect(demo.stdout).toMatch(
    /^ +Cc +Alice Adams <aadams@tenant1\.example> +→ +Alice Adams <alice\.adams@shared\.example>$/m,
  );
  expect(demo.stdout).toMatch(/^ +DKIM +none +→ +shared\.example: pass$/m);
  expect(demo.stdout).toMatch(/^ +DKIM +world\.example: pass +=  world\.example: pass$/m);
  expect(demo.stdout).toMatch(/^ +reply +mary\.jones@shared\.example: 452 4\.5\.3 /m);
  expect(demo.stdout).toMatch(/^ +reply +nobody@shared\.example: 550 5\.1\.1 /m);
  expect(demo.stdout).toMatch(/^ +reply +anna@world\.example: 550 5\.7\.1 /m);
});

test('shows the ids that tell tenants of Exchange Online apart, and that none of them leaves', () => {
  const id = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
  expect(demo.stdout).toMatch(new RegExp(`^ +Tenant id ${id} +→$`, 'm'));
  expect(demo.stdout).not.toMatch(new RegExp(`→ +${id}`));
  expect(demo.stdout).toMatch(/^ +reply +550 5\.7\.1 Relaying denied$/m);
  expect(demo.stdout).toMatch(/^ +reply +550 5\.7\.1 The header names more than one/m);
});

test('tells how soon the tenth tenant took part, and how the others fared', () => {
  const told = demo.stdout.replaceAll(/\s+/g, ' ');
  expect(told).toMatch(/In force \d+ ms after .* (\d+) other messages on one connection, \1 delivered\./);
});

test('is readable at 100 columns, without colours where nobody sees them', () => {
  expect(Math.max(...demo.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(demo.stdout).not.toContain('\u001b');
});
