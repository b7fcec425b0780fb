/** How vitest runs the tests: every file in a process of its own, nothing skipped, nothing retried, every test with an assertion. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: tests start servers, change folders and end; what one leaves behind must not reach another.
    pool: 'forks',
    // Two files at a time keep two cores busy; more make servers slow to start and tests wait for each other.
    maxWorkers: 2,
    // Limits that only a test which hangs meets: starting Postfix and OpenSSL on a loaded machine takes seconds.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    retry: 0,
    allowOnly: false,
    passWithNoTests: false,
    expect: { requireAssertions: true },
  },
});
