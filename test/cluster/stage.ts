/** Which test files need a control plane or whole nodes, and what must be built for them, read from what they import. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, testImports } from '../support/test-files.ts';
import { programObstacle } from './build.ts';
import { PROGRAM_NAMES, type ProgramName } from './programs.ts';

/** `cluster`: a control plane on loopback. `nodes`: a cluster, or a container engine, in a namespace of its own. */
export type ClusterStage = 'cluster' | 'nodes';

const NODES = ['cluster/nodes/cluster.ts', 'containers/engine.ts'];
const BUILDS = /buildPrograms?\(([^)]*)\)/g;

/** Those that the file, or a file of test/ that it imports, asks build.ts for by name. */
export function programsOf(testFile: string): ProgramName[] {
  const texts = testImports(testFile).map((path) => readFileSync(join(ROOT, 'test', path), 'utf8'));
  const asked = texts.flatMap((text) => [...text.matchAll(BUILDS)].map((match) => match[1] ?? '')).join();
  return PROGRAM_NAMES.filter((name) => asked.includes(`'${name}'`));
}

export function clusterStageOf(testFile: string): ClusterStage | undefined {
  const imports = testImports(testFile);
  if (NODES.some((path) => imports.includes(path))) return 'nodes';
  return testFile.startsWith('test/cluster/') || programsOf(testFile).length > 0 ? 'cluster' : undefined;
}

/** Why the programs that a test file starts cannot be had here, in plain words; undefined when they can. */
export const clusterObstacle = (testFile: string): string | undefined => programObstacle(programsOf(testFile));
