#!/usr/bin/env node
// The `isthmus` command: runs the compiled program, or in a checkout its sources, on Node 24 (setup.mjs installs it where it is missing).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const compiled = join(root, 'build', 'js', 'cli', 'main.js');
const inCheckout = existsSync(join(root, 'setup.mjs')) && existsSync(join(root, 'cli', 'main.ts'));

if (inCheckout) {
  process.argv.splice(2, 0, 'cli/main.ts');
  await import('../setup.mjs');
} else if (Number(process.versions.node.split('.')[0]) >= 24) {
  process.argv[1] = compiled;
  await import(compiled);
} else {
  const node = join(root, 'node_modules', '.bin', 'node');
  const { status } = spawnSync(node, [compiled, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
