/** The chart installed by helm on a real control plane, and the operator run as processes under the chart's own rights. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { freePort } from '../../support/free-port.ts';
import { runOrThrow } from '../../support/child-process.ts';
import { ROOT } from '../../support/test-files.ts';
import { buildProgram } from '../build.ts';
import type { ControlPlane } from '../control-plane.ts';
import { type Daemon, startDaemon, until } from '../daemon.ts';

export interface InstallationOptions {
  readonly namespace: string;
  /** Of the chart. */
  readonly values?: Record<string, unknown>;
  /** Over the rendered settings: shorter leases. */
  readonly settings?: Record<string, unknown>;
}

export interface OperatorProcess {
  readonly daemon: Daemon;
  /** `http://127.0.0.1:23456` */
  readonly metrics: string;
  readonly health: string;
  /** Value of a metric, all its labels summed; 0 when there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  logs(): readonly Record<string, unknown>[];
}

export interface Installation {
  readonly namespace: string;
  /** Of the chart's ServiceAccount. */
  readonly kubeconfig: string;
  /** `through`: a kubeconfig that leads to the API server by another way. `env`: besides what it has anyway. */
  startOperator(name?: string, through?: string, env?: OperatorStart['env']): Promise<OperatorProcess>;
  stop(): Promise<void>;
}

/** The chart's Deployment is left at no pods: here there are no nodes, and the processes take their place. */
const VALUES = { replicas: 0 };

export async function install(plane: ControlPlane, options: InstallationOptions): Promise<Installation> {
  const { namespace } = options;
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-installation-'));
  const helm = await buildProgram('helm');
  const values = join(folder, 'values.yaml');
  writeFileSync(values, stringify({ ...VALUES, ...options.values }));
  const chart = join(ROOT, 'charts/isthmus');
  const place = ['--kubeconfig', plane.kubeconfig, '--namespace', namespace, '--values', values];
  const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
  await runOrThrow(helm, ['upgrade', '--install', 'isthmus', chart, '--create-namespace', ...place], { env });
  await plane.kubectlOrThrow(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  const manifest = await runOrThrow(helm, ['get', 'manifest', 'isthmus', ...place.slice(0, 4)], { env });
  const account = serviceAccountOf(manifest);
  const kubeconfig = await plane.tokenFor(namespace, account);
  const settings = join(folder, 'settings.yaml');
  writeFileSync(settings, stringify({ ...settingsOf(manifest), ...options.settings }));
  const daemons: Daemon[] = [];
  return {
    namespace,
    kubeconfig,
    async startOperator(name = 'operator', through = kubeconfig, env = {}) {
      const operator = await startOperator({ folder, kubeconfig: through, settings, namespace, name, env });
      daemons.push(operator.daemon);
      return operator;
    },
    async stop() {
      for (const daemon of daemons) await daemon.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

function documentsOf(manifest: string): Rendered[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    const value = (document as { toJS(): Rendered | null }).toJS();
    return value === null ? [] : [value];
  });
}

function serviceAccountOf(manifest: string): string {
  const found = documentsOf(manifest).find(({ kind }) => kind === 'ServiceAccount');
  if (found === undefined) throw new Error('the chart has no ServiceAccount');
  return found.metadata.name;
}

function settingsOf(manifest: string): Record<string, unknown> {
  const found = documentsOf(manifest).find(({ kind, data }) => kind === 'ConfigMap' && data?.['settings.yaml']);
  if (found === undefined) throw new Error('the chart has no settings');
  return parse(found.data?.['settings.yaml'] ?? '') as Record<string, unknown>;
}

/** What a process of the operator is started with. */
export interface OperatorStart {
  /** Its log lies here, and what it has compiled. */
  readonly folder: string;
  readonly kubeconfig: string;
  readonly settings: string;
  readonly namespace: string;
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startOperator({
  folder,
  kubeconfig,
  settings,
  namespace,
  name,
  env = {},
}: OperatorStart): Promise<OperatorProcess> {
  const [metricsPort, healthPort] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
  const ports = ['--metrics-port', String(metricsPort), '--health-port', String(healthPort)];
  const log = join(folder, `${name}-${metricsPort}.log`);
  const args = [join(ROOT, 'operator/main.ts'), '--settings', settings, '--kubeconfig', kubeconfig, ...ports];
  const daemon = startDaemon(process.execPath, args, {
    log,
    cwd: ROOT,
    // Half of a start is reading TypeScript; the next one of an installation finds it read, when this one ends by itself.
    env: { POD_NAME: name, POD_NAMESPACE: namespace, NODE_COMPILE_CACHE: join(folder, 'compiled'), ...env },
  });
  const health = `http://127.0.0.1:${healthPort}`;
  const isUp = async () => {
    if (daemon.ended()) throw new Error(`the operator has ended:\n${daemon.log()}`);
    return await fetch(`${health}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await until('the operator answers /healthz', isUp, { detail: () => daemon.log() });
  const metrics = `http://127.0.0.1:${metricsPort}`;
  return {
    daemon,
    metrics,
    health,
    metric: async (metric, labels = {}) => sum(await (await fetch(`${metrics}/metrics`)).text(), metric, labels),
    logs: () =>
      daemon
        .log()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

function sum(text: string, metric: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = text.split('\n').filter((line) => {
    const name = /^[a-zA-Z0-9_:]+/.exec(line)?.[0];
    return name === metric && wanted.every((label) => line.includes(label));
  });
  return lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
}
