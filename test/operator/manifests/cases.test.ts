import { expect, test } from 'vitest';
import { manifestCases } from './case.ts';

const cases = manifestCases();

test('there are cases', () => {
  expect(cases.length).toBeGreaterThan(10);
});

test.each(cases)('$input.about', ({ text, expected }) => {
  // After a wanted change: node setup.mjs test/operator/manifests/write-cases.ts
  expect(text).toBe(`${expected}\n`);
});
