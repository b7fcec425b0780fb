/** The control plane that other tests stand on: real rights, a life beside others, and nothing left when its process is gone. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../support/test-files.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { until } from './daemon.ts';

let planes: readonly ControlPlane[];

beforeAll(async () => {
  planes = await Promise.all([startControlPlane(), startControlPlane()]);
}, 120_000);
afterAll(async () => void (await Promise.all(planes.map((plane) => plane.stop()))));

const plane = (): ControlPlane => {
  const [first] = planes;
  if (first === undefined) throw new Error('no control plane');
  return first;
};

test('two that start at once do not meet', async () => {
  const [first, second] = planes;
  await first?.kubectlOrThrow(['create', 'namespace', 'only-here']);
  expect(second?.server).not.toBe(first?.server);
  expect(await second?.kubectl(['get', 'namespace', 'only-here'])).toMatchObject({ code: 1 });
});

test('a ServiceAccount may do with its token what its role allows, and no more', async () => {
  await plane().kubectlOrThrow(['create', 'namespace', 'rights']);
  await plane().kubectlOrThrow(['create', 'serviceaccount', 'reader', '-n', 'rights']);
  await plane().kubectlOrThrow(['create', 'role', 'reader', '-n', 'rights', '--verb=list', '--resource=configmaps']);
  const binding = ['create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount=rights:reader'];
  await plane().kubectlOrThrow([...binding, '-n', 'rights']);
  const kubeconfig = await plane().tokenFor('rights', 'reader');
  expect(await plane().kubectl(['get', 'configmaps'], { kubeconfig })).toMatchObject({ code: 0 });
  const refused = await plane().kubectl(['get', 'secrets'], { kubeconfig });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain('system:serviceaccount:rights:reader');
  expect(await plane().kubectl(['get', 'secrets'], { as: 'nobody' })).toMatchObject({ code: 1 });
});

test('Pod Security is enforced where a namespace asks for it', async () => {
  await plane().kubectlOrThrow(['create', 'namespace', 'restricted']);
  await plane().kubectlOrThrow(['label', 'namespace', 'restricted', 'pod-security.kubernetes.io/enforce=restricted']);
  const root = ['run', 'root', '--image=localhost/none:1', '-n', 'restricted'];
  const refusal = async () => (await plane().kubectl(root)).stderr;
  // Until the controllers have made the namespace's own ServiceAccount, its absence is what is said.
  await until('the ServiceAccount is there', async () => !(await refusal()).includes('serviceaccount'));
  expect(await refusal()).toContain('violates PodSecurity "restricted:latest"');
}, 60_000);

test('owned objects go with their owner', async () => {
  await plane().kubectlOrThrow(['create', 'deployment', 'owner', '--image=localhost/none:1', '--replicas=0']);
  const owned = async () => (await plane().kubectlOrThrow(['get', 'replicasets', '-o', 'name'])).trim();
  await until('the Deployment has a ReplicaSet', async () => (await owned()) !== '');
  await plane().kubectlOrThrow(['delete', 'deployment', 'owner']);
  await until('the ReplicaSet is collected', async () => (await owned()) === '');
  expect(await owned()).toBe('');
}, 60_000);

test('a killed API server starts again where it was, with what it knew', async () => {
  const [, second] = planes;
  if (second === undefined) throw new Error('no second control plane');
  await second.kubectlOrThrow(['create', 'namespace', 'kept']);
  await second.stopApi();
  expect(await second.ask('/readyz')).toMatchObject({ status: 0 });
  await second.startApi();
  expect(await second.ask('/api/v1/namespaces/kept')).toMatchObject({ status: 200 });
}, 60_000);

test('a paused API server answers nothing, and goes on when it is resumed', async () => {
  plane().pauseApi();
  const answer = plane().ask('/api/v1/namespaces/default');
  const first = await Promise.race([answer, new Promise((resolve) => setTimeout(() => resolve('nothing'), 500))]);
  plane().resumeApi();
  expect(first).toBe('nothing');
  expect(await answer).toMatchObject({ status: 200 });
});

test('when its process is killed, its servers and its folder go too', async () => {
  const code = `
    const { startControlPlane } = await import('${join(ROOT, 'test/cluster/control-plane.ts')}');
    const { folder } = await startControlPlane();
    console.log(folder);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const folder = await new Promise<string>((resolve) =>
    child.stdout.once('data', (text) => resolve(String(text).trim())),
  );
  expect(existsSync(join(folder, 'admin.kubeconfig'))).toBe(true);
  child.kill('SIGKILL');
  await until('the folder is gone', () => !existsSync(folder), { seconds: 30 });
  expect(existsSync(folder)).toBe(false);
}, 60_000);
