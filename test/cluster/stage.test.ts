/** Test files find their stage by what they import, and what is missing for them is said in words. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';
import { clusterStageOf, programsOf } from './stage.ts';

test.each([
  ['test/cluster/nodes/cluster.test.ts', 'nodes'],
  ['test/containers/story.test.ts', 'nodes'],
  ['test/cluster/crds.test.ts', 'cluster'],
  ['test/operator/kube/election.test.ts', 'cluster'],
  ['test/relay/core/reply.test.ts', undefined],
])('%s belongs to the stage %s', (file, stage) => {
  expect(clusterStageOf(file)).toBe(stage);
});

test('what a test starts is read from the files that it imports', () => {
  expect(programsOf('test/cluster/crds.test.ts')).toEqual([
    'etcd',
    'kube-apiserver',
    'kube-controller-manager',
    'kubectl',
  ]);
  expect(programsOf('test/cluster/nodes/cluster.test.ts')).toContain('kubelet');
  expect(programsOf('test/relay/core/reply.test.ts')).toEqual([]);
});

test('without Go and without programs of the user it is said what to install', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-no-go-'));
  const code = `import('${ROOT}/test/cluster/build.ts').then(b => console.log(b.programObstacle(['etcd']), b.programObstacle(['helm'])))`;
  const env = { XDG_CACHE_HOME: folder, KUBEBUILDER_ASSETS: folder, PATH: folder };
  const { stdout } = await run(process.execPath, ['-e', code], { env });
  rmSync(folder, { recursive: true });
  expect(stdout).toBe(
    'etcd is built from Go modules and Go is missing: install it (go.dev/dl), or set KUBEBUILDER_ASSETS ' +
      'helm is built from Go modules and Go is missing: install it (go.dev/dl)\n',
  );
});
