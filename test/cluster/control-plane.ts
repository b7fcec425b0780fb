/** A real control plane on loopback, ready in seconds, without root: etcd, kube-apiserver and kube-controller-manager. */

import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ensurePackages } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { type ApiRequest, apiRequestOf } from './api-request.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { type Authority, makeAuthority, writeKubeconfig } from './authority.ts';
import { buildPrograms } from './build.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { removeWithUs } from './left-over.ts';
import { type Kubectl, kubectlOf } from './kubectl.ts';

export interface ControlPlaneOptions {
  /** Where the API server listens, and what certificates and clients name; default 127.0.0.1. */
  readonly address?: string;
  /** Default: one that nobody uses. */
  readonly port?: number;
  readonly serviceCidr?: string;
  /** Added to what the servers are started with. */
  readonly apiServer?: readonly string[];
  readonly controllerManager?: readonly string[];
}

export interface ControlPlane {
  /** Path of the administrator's. */
  readonly kubeconfig: string;
  /** `https://127.0.0.1:23456` */
  readonly server: string;
  readonly authority: Authority;
  /** Everything of this control plane lies here, logs in `log`; removed by stop(). */
  readonly folder: string;
  /** Runs kubectl as the administrator, or `as` somebody. */
  readonly kubectl: Kubectl;
  /** Like kubectl, but an exit code other than 0 is an error; the value is what it printed. */
  kubectlOrThrow(...parameters: Parameters<Kubectl>): Promise<string>;
  /** Applies manifests on the server's side as the administrator. */
  apply(manifests: string, ...args: readonly string[]): Promise<string>;
  /** Asks the API server as the administrator. */
  readonly ask: ApiRequest;
  /** Kills the API server; what it has stored stays. */
  stopApi(): Promise<void>;
  /** Starts it again on the same port and data; resolves when it is ready. */
  startApi(): Promise<void>;
  /** Kills etcd, whose data lies in `etcd` of the folder. */
  stopEtcd(): Promise<void>;
  startEtcd(): void;
  /** The API server keeps its connections and answers nothing until it is resumed. */
  pauseApi(): void;
  resumeApi(): void;
  /** Path of a kubeconfig that a ServiceAccount's own token is in. The ServiceAccount must exist. */
  tokenFor(namespace: string, serviceAccount: string): Promise<string>;
  stop(): Promise<void>;
}

/** Names a folder in which the logs of every cluster stay, each in a folder of its own, when it is stopped. */
export const LOGS_VARIABLE = 'ISTHMUS_CLUSTER_LOGS';

/** Of a range that nothing on this machine uses; the API server has the first address of it. */
const SERVICE_CIDR = '10.99.0.0/16';

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  ensurePackages(['openssl']);
  const programs = await buildPrograms(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl']);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-cluster-'));
  const left = removeWithUs(folder);
  const daemons: Daemon[] = [];
  let api: ApiServer | undefined;
  let closeAsked = () => {};
  const stop = async () => {
    closeAsked();
    await api?.stop();
    for (const daemon of daemons.reverse()) await daemon.kill();
    const logs = process.env[LOGS_VARIABLE];
    if (logs !== undefined) cpSync(join(folder, 'log'), join(logs, basename(folder)), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    left.release();
  };
  try {
    for (const name of ['log', 'pki']) mkdirSync(join(folder, name));
    const address = options.address ?? '127.0.0.1';
    const authority = await makeAuthority(join(folder, 'pki'));
    const serviceAccountKeys = writeServiceAccountKeys(folder);
    const pairs = await issuePairs(authority, address, options.serviceCidr ?? SERVICE_CIDR);
    const etcd = join(folder, 'etcd.sock');
    const log = (name: string) => join(folder, 'log', `${name}.log`);
    const startEtcd = () => startDaemon(programs.etcd, etcdFlags(folder, etcd), { log: log('etcd'), cwd: folder });
    const store = { daemon: startEtcd() };
    daemons.push({ ...store.daemon, kill: (signal) => store.daemon.kill(signal) });
    api = await startApiServer(programs['kube-apiserver'], {
      ...{ address, folder, etcd, authority, pairs, serviceAccountKeys },
      port: () => (options.port === undefined ? freePort(address) : Promise.resolve(options.port)),
      serviceCidr: options.serviceCidr ?? SERVICE_CIDR,
      flags: options.apiServer ?? [],
    });
    const place = { server: api.server, ca: authority.certificate };
    const kubeconfig = writeKubeconfig(join(folder, 'admin.kubeconfig'), { ...place, credentials: pairs.admin });
    const managers = join(folder, 'controller-manager.kubeconfig');
    writeKubeconfig(managers, { ...place, credentials: pairs.controllerManager });
    const flags = [
      ...['--kubeconfig', managers, '--use-service-account-credentials', '--leader-elect=false', '--secure-port=0'],
      ...['--service-account-private-key-file', serviceAccountKeys.privateFile],
      ...['--root-ca-file', authority.certificateFile],
    ];
    daemons.push(
      startDaemon(programs['kube-controller-manager'], [...flags, ...(options.controllerManager ?? [])], {
        log: log('kube-controller-manager'),
      }),
    );
    const asked = apiRequestOf(api.server, authority.certificate, pairs.admin);
    closeAsked = asked.close;
    const plane = { kubeconfig, authority, folder, api, kubectlProgram: programs.kubectl, stop, ask: asked.ask };
    return {
      ...controlPlane(plane),
      stopEtcd: () => store.daemon.kill(),
      startEtcd: () => void (store.daemon = startEtcd()),
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

function etcdFlags(folder: string, socket: string): string[] {
  // Sockets in a folder of its own: no port that another cluster could have. What it advertises nobody uses, but must be a
  // host and port. Nothing is synced: it outlives no power cut.
  return [
    ...['--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'warn'],
    ...['--listen-client-urls', `unix://${socket}`, '--advertise-client-urls', 'http://127.0.0.1:1'],
    ...['--listen-peer-urls', 'unix://peer:1'],
  ];
}

export interface ServiceAccountKeys {
  readonly privateFile: string;
  readonly publicFile: string;
}

function writeServiceAccountKeys(folder: string): ServiceAccountKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const files = { privateFile: join(folder, 'pki', 'sa.key'), publicFile: join(folder, 'pki', 'sa.pub') };
  writeFileSync(files.privateFile, privateKey, { mode: 0o600 });
  writeFileSync(files.publicFile, publicKey);
  return files;
}

async function issuePairs(authority: Authority, address: string, serviceCidr: string) {
  const firstService = serviceCidr.replace(/\d+\/\d+$/, '1');
  const names = [address, '127.0.0.1', firstService, 'localhost', 'kubernetes.default.svc'];
  const [server, admin, controllerManager, frontProxy] = await Promise.all([
    authority.issue('kube-apiserver', '/CN=kube-apiserver', [...new Set(names)]),
    authority.issue('admin', '/O=system:masters/CN=admin'),
    authority.issue('controller-manager', '/CN=system:kube-controller-manager'),
    authority.issue('front-proxy', '/CN=front-proxy-client'),
  ]);
  return { server, admin, controllerManager, frontProxy };
}

export type ControlPlanePairs = Awaited<ReturnType<typeof issuePairs>>;

function controlPlane(parts: {
  kubeconfig: string;
  authority: Authority;
  folder: string;
  api: ApiServer;
  ask: ApiRequest;
  kubectlProgram: string;
  stop: () => Promise<void>;
}): Omit<ControlPlane, 'stopEtcd' | 'startEtcd'> {
  const { kubeconfig, authority, folder, api, ask, stop } = parts;
  const kubectl = kubectlOf(parts.kubectlProgram, kubeconfig, folder);
  const kubectlOrThrow: ControlPlane['kubectlOrThrow'] = async (args, options) => {
    const { code, stdout, stderr } = await kubectl(args, options);
    if (code === 0) return stdout;
    throw new Error(`"kubectl ${args.join(' ')}" ended with ${code}:\n${stderr}${stdout}`);
  };
  return {
    ...{ kubeconfig, authority, folder, kubectl, kubectlOrThrow, ask, stop, server: api.server },
    apply: (manifests, ...args) => kubectlOrThrow(['apply', '--server-side', '-f', '-', ...args], { input: manifests }),
    stopApi: () => api.stop(),
    startApi: () => api.start(),
    pauseApi: () => api.signal('SIGSTOP'),
    resumeApi: () => api.signal('SIGCONT'),
    tokenFor: async (namespace, serviceAccount) => {
      const create = ['create', 'token', serviceAccount, '--namespace', namespace, '--duration', '24h'];
      const credentials = { token: (await kubectlOrThrow(create)).trim() };
      const path = join(folder, `${namespace}.${serviceAccount}.kubeconfig`);
      return writeKubeconfig(path, { server: api.server, ca: authority.certificate, credentials, namespace });
    },
  };
}
