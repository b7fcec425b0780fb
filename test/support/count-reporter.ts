/** A vitest reporter that writes what a run amounted to into the file named by ISTHMUS_TEST_COUNT. */

import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export const COUNT_FILE_VARIABLE = 'ISTHMUS_TEST_COUNT';

export interface TestCount {
  /** Test files that were loaded or failed to load, as absolute paths. */
  readonly files: readonly string[];
  readonly passed: number;
  /** Failed tests, skipped ones, files that failed to load and errors nobody caught. */
  readonly failed: number;
}

function count(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): TestCount {
  let passed = 0;
  let failed = unhandledErrors.length;
  for (const module of modules) {
    const tests = [...module.children.allTests()];
    // Errors of the file (it cannot be loaded, it holds no test) or of a suite's hooks belong to no test.
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of tests) {
      // A skipped test proves nothing, whatever its author thought.
      if (test.result().state === 'passed') passed += 1;
      else failed += 1;
    }
  }
  return { files: modules.map((module) => module.moduleId), passed, failed };
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env[COUNT_FILE_VARIABLE];
    if (file === undefined) throw new Error(`${COUNT_FILE_VARIABLE} does not name a file to write to`);
    writeFileSync(file, JSON.stringify(count(modules, unhandledErrors)));
  }
}
