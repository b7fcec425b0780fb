#!/usr/bin/env node
// `kubectl isthmus …`: kubectl runs this file, found in PATH by its name, and the `isthmus` command then asks the cluster.
process.argv.splice(2, 0, '--called-by-kubectl');
await import('./bin.mjs');
