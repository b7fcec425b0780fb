/** The plugin as a user has it: kubectl finds it in PATH, and it asks a real API server in which there are the samples. */

import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildPrograms } from '../cluster/build.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/daemon.ts';
import { type Finished, run } from '../support/child-process.ts';
import { ROOT } from '../support/test-files.ts';

export interface PluginOptions {
  /** Default: the administrator's. */
  readonly kubeconfig?: string;
  readonly input?: string;
}

export interface Plugin {
  readonly plane: ControlPlane;
  /** For files of a test's own; removed by stop(). */
  readonly folder: string;
  /** `kubectl isthmus ARGS` */
  isthmus(args: readonly string[], options?: PluginOptions): Promise<Finished>;
  installKinds(): Promise<void>;
  /** Makes one, with the samples and more in it. */
  namespace(name: string, ...more: readonly string[]): Promise<void>;
  /** The kubeconfig of somebody who may only read these, in this namespace. */
  reader(namespace: string, name: string, resources: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Each question starts kubectl, the launcher and the program: seconds on a loaded machine. */
export const PATIENCE = { timeout: 120_000 };
export const SAMPLES = join(ROOT, 'deploy/samples/two-tenants');
export const KINDS = ['relayfleets', 'shareddomains', 'tenantroutes', 'rewriterules'].map(
  (kind) => `${kind}.isthmus.dev`,
);
export const FLEET = `apiVersion: isthmus.dev/v1alpha1
kind: RelayFleet
metadata: {name: default}
spec: {hostname: relay.shared.example}
`;
export const LETTER = ['--client', '203.0.113.20', '--tls', '--from', 'mary.jones@tenant2.example', '--to'];

export const samples = () =>
  readdirSync(SAMPLES)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => readFileSync(join(SAMPLES, file), 'utf8'))
    .join('\n---\n');

export const ruleOf = (name: string, tenant: string, internal: string, external: string) =>
  `apiVersion: isthmus.dev/v1alpha1
kind: RewriteRule
metadata: {name: ${name}}
spec:
  sharedDomainRef: {name: shared}
  tenantRouteRef: {name: ${tenant}}
  addresses:
    - {internal: ${internal}, external: ${external}}
`;

/** The one that the samples name. */
export function dkimSecret(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const metadata = { name: 'shared-dkim' };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'private.key': key } });
}

export async function startPlugin(): Promise<Plugin> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubectl-'));
  const launcher = join(ROOT, 'cli/kubectl-isthmus.mjs');
  mkdirSync(join(folder, 'bin'));
  chmodSync(launcher, 0o755);
  symlinkSync(launcher, join(folder, 'bin', 'kubectl-isthmus'));
  const { kubectl } = await buildPrograms(['kubectl']);
  const plane = await startControlPlane();
  const path = [join(folder, 'bin'), dirname(process.execPath), process.env['PATH']].join(':');
  return {
    plane,
    folder,
    isthmus: (args, { kubeconfig = plane.kubeconfig, input = '' } = {}) =>
      run(kubectl, ['isthmus', ...args], { env: { PATH: path, KUBECONFIG: kubeconfig }, cwd: folder, input }),
    installKinds: () => installKinds(plane),
    namespace: async (name, ...more) => {
      await plane.kubectlOrThrow(['create', 'namespace', name]);
      await plane.apply([samples(), ...more].join('\n---\n'), '-n', name);
    },
    reader: (namespace, name, resources) => makeReader(plane, namespace, name, resources),
    stop: async () => {
      await plane.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function installKinds(plane: ControlPlane): Promise<void> {
  const folder = join(ROOT, 'crds/generated');
  await plane.apply(
    readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n---\n'),
  );
  await plane.kubectlOrThrow(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  // A kind is served a moment after it is established.
  await until('the kinds are served', async () => (await plane.kubectl(['get', 'isthmus', '-A'])).code === 0);
}

async function makeReader(
  plane: ControlPlane,
  namespace: string,
  name: string,
  resources: readonly string[],
): Promise<string> {
  await plane.kubectlOrThrow(['create', 'serviceaccount', name, '-n', namespace]);
  const each = resources.flatMap((resource) => ['--resource', resource]);
  await plane.kubectlOrThrow(['create', 'role', name, '-n', namespace, '--verb', 'get,list', ...each]);
  const subject = `--serviceaccount=${namespace}:${name}`;
  await plane.kubectlOrThrow(['create', 'rolebinding', name, '-n', namespace, '--role', name, subject]);
  return plane.tokenFor(namespace, name);
}
