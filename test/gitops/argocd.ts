/** Argo CD without its API server and user interface: it brings what a git repository holds into a test's cluster. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPrograms } from '../cluster/build.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { type Daemon, startDaemon, until } from '../cluster/daemon.ts';
import { runOrThrow } from '../support/child-process.ts';
import { ensurePackages } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { ROOT } from '../support/test-files.ts';

export interface ResourceState {
  readonly kind: string;
  readonly name: string;
  readonly status?: string;
  readonly health?: { readonly status?: string; readonly message?: string };
}

export interface Application {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly sync?: { readonly status?: string; readonly revision?: string };
    readonly health?: { readonly status?: string };
    readonly resources?: readonly ResourceState[];
    readonly operationState?: { readonly phase?: string; readonly startedAt?: string };
  };
}

export interface ArgoCd {
  /** undefined: there is none. */
  application(name: string): Promise<Application | undefined>;
  /** Looks at git and cluster anew, as its button does; resolves when it has. */
  refresh(name: string): Promise<Application>;
  until(name: string, what: string, isSo: (application: Application) => boolean): Promise<Application>;
  stop(): Promise<void>;
}

const NAMESPACE = 'argocd';
const LOOPBACK = '127.0.0.1';
/** Pods are replaced and caches filled meanwhile. */
const PATIENCE_SECONDS = 150;
/** What is wrong is said first; then come all its flags. */
const LOG_START = 2000;
const REFRESH = 'argocd.argoproj.io/refresh';

export async function startArgocd(plane: ControlPlane): Promise<ArgoCd> {
  ensurePackages(['redis-server']);
  const programs = await buildPrograms(['argocd', 'helm', 'kubectl']);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-argocd-'));
  const daemons: Daemon[] = [];
  const stop = async () => {
    for (const daemon of daemons.reverse()) await daemon.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await prepare(plane);
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const name of ['helm', 'kubectl'] as const) symlinkSync(programs[name], join(bin, name));
    // Its image has this script, which says who signed a commit. Nobody did, and nobody here asks.
    writeFileSync(join(bin, 'git-verify-wrapper.sh'), '#!/bin/sh\n', { mode: 0o755 });
    const env = {
      ...{ PATH: `${bin}:${process.env['PATH']}`, HOME: folder, TMPDIR: folder, KUBECONFIG: plane.kubeconfig },
      // https://kubernetes.default.svc is what that kubeconfig leads to.
      ARGOCD_FAKE_IN_CLUSTER: 'true',
      ...{ ARGOCD_GPG_ENABLED: 'false', ARGOCD_ASK_PASS_SOCK: join(folder, 'ask-pass.sock') },
    };
    const [redis, repoServer] = [await freePort(), await freePort()];
    const metrics = [await freePort(), await freePort()] as const;
    const log = (name: string) => join(plane.folder, 'log', `argocd-${name}.log`);
    const start = async (name: string, port: number, command: string, args: readonly string[]) => {
      const daemon = startDaemon(command, args, { log: log(name), cwd: folder, env });
      daemons.push(daemon);
      const answers = async () => {
        if (daemon.ended()) throw new Error(`${name} has ended:\n${daemon.log().slice(0, LOG_START)}`);
        return await takesConnections(port);
      };
      await until(`${name} takes connections`, answers, { detail: () => daemon.log().slice(0, LOG_START) });
    };
    const memory = ['--bind', LOOPBACK, '--port', String(redis), '--save', '', '--dir', folder];
    await start('redis', redis, 'redis-server', memory);
    const common = ['--redis', `${LOOPBACK}:${redis}`, '--loglevel', 'info'];
    await start('repo-server', repoServer, programs.argocd, [
      ...['repo-server', ...common, '--address', LOOPBACK, '--port', String(repoServer)],
      // Its default names a file, and a file is refused together with no TLS, there or not.
      ...['--disable-tls', '--client-ca-path', ''],
      ...['--metrics-address', LOOPBACK, '--metrics-port', String(metrics[0])],
    ]);
    await start('application-controller', metrics[1], programs.argocd, [
      ...['application-controller', ...common, '--namespace', NAMESPACE, '--metrics-port', String(metrics[1])],
      ...['--repo-server', `${LOOPBACK}:${repoServer}`, '--repo-server-plaintext', '--persist-resource-health'],
    ]);
    return { ...eyesOf(plane), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** What its own installation would have made. */
async function prepare(plane: ControlPlane): Promise<void> {
  const list = ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', 'github.com/argoproj/argo-cd/v3'];
  const go = { cwd: join(ROOT, 'test/cluster/go/argocd'), env: { GOWORK: 'off', GOTOOLCHAIN: 'local' } };
  const module = (await runOrThrow('go', list, go)).trim();
  if (module === '')
    throw new Error(`Argo CD's manifests are not in Go's module cache: run "go mod download" in ${go.cwd}`);
  await plane.kubectlOrThrow(['create', 'namespace', NAMESPACE]);
  await plane.kubectlOrThrow(['apply', '--server-side', '-k', join(module, 'manifests/crds')]);
  await plane.kubectlOrThrow(['apply', '--server-side', '-n', NAMESPACE, '-k', join(module, 'manifests/base/config')]);
  const served = ['get', 'applications,appprojects', '--all-namespaces'];
  await until('the kinds of Argo CD are served', async () => (await plane.kubectl(served)).code === 0);
  const secretKey = ['patch', 'secret', 'argocd-secret', '--namespace', NAMESPACE, '--patch'];
  await plane.kubectlOrThrow([...secretKey, '{"stringData": {"server.secretkey": "of this test only"}}']);
  await plane.apply(`apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: default
  namespace: ${NAMESPACE}
spec:
  sourceRepos: ['*']
  destinations: [{namespace: '*', server: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
`);
}

function eyesOf(plane: ControlPlane): Omit<ArgoCd, 'stop'> {
  const application: ArgoCd['application'] = async (name) => {
    const get = ['get', 'application', name, '--namespace', NAMESPACE, '--output', 'json', '--ignore-not-found'];
    const text = await plane.kubectlOrThrow(get);
    return text.trim() === '' ? undefined : (JSON.parse(text) as Application);
  };
  const wait: ArgoCd['until'] = async (name, what, isSo) => {
    let seen: Application | undefined;
    await until(
      `Application ${name} ${what}`,
      async () => {
        seen = await application(name);
        return seen !== undefined && isSo(seen);
      },
      { seconds: PATIENCE_SECONDS, every: 200, detail: () => JSON.stringify(seen?.status, undefined, 1) },
    );
    if (seen === undefined) throw new Error('what was found is lost');
    return seen;
  };
  return {
    application,
    until: wait,
    refresh: async (name) => {
      const annotate = ['annotate', 'application', name, '--namespace', NAMESPACE, '--overwrite', `${REFRESH}=hard`];
      await plane.kubectlOrThrow(annotate);
      return await wait(name, 'is refreshed', ({ metadata }) => metadata.annotations?.[REFRESH] === undefined);
    },
  };
}
