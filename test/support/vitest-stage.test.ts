/** The runner's arithmetic: what was not looked at is a failure, not a success. */

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, isNamespaceTest, obstacle, ROOT } from './test-files.ts';
import { judge } from './vitest-stage.ts';

const seen = (...files: string[]) => files.map((file) => join(ROOT, file));

it('passes on what vitest counted', () => {
  const count = { files: seen('test/a.test.ts'), passed: 3, failed: 2 };
  expect(judge(['test/a.test.ts'], count, 1)).toEqual({ passed: 3, failed: 2, complaints: [] });
});

it.each([
  ['a file that was not run', { files: [], passed: 0, failed: 0 }, 0, 'test/a.test.ts was not run'],
  ['an exit code that no test explains', { files: seen('test/a.test.ts'), passed: 1, failed: 0 }, 1, 'ended with 1'],
  ['a run that died', undefined, 'SIGKILL' as const, 'ended with SIGKILL'],
])('counts as failed: %s', (_, count, code, complaint) => {
  const result = judge(['test/a.test.ts'], count, code);
  expect(result.failed).toBe(1);
  expect(result.complaints.join()).toContain(complaint);
});

it('finds this very file, and tells the files that run in a namespace', () => {
  const files = filesBelow('test', ['.test.ts']);
  expect(files).toContain('test/support/vitest-stage.test.ts');
  expect(files.filter(isNamespaceTest)).toContain('test/namespace/ground.test.ts');
  expect(files.filter(isNamespaceTest)).not.toContain('test/support/vitest-stage.test.ts');
});

it('knows of no obstacle to a file that imports no foreign program', () => {
  expect(obstacle('test/relay/metrics/metrics.test.ts')).toBeUndefined();
});
