/** One kube-apiserver that can be killed and started again where it was. */

import { join } from 'node:path';
import { apiRequestOf } from './api-request.ts';
import type { Authority, KeyPair } from './authority.ts';
import { type Daemon, startDaemon, until } from './daemon.ts';
import type { ControlPlanePairs, ServiceAccountKeys } from './control-plane.ts';

export interface ApiServerOptions {
  readonly address: string;
  readonly folder: string;
  /** Path of etcd's socket. */
  readonly etcd: string;
  readonly authority: Authority;
  readonly pairs: ControlPlanePairs;
  readonly serviceAccountKeys: ServiceAccountKeys;
  readonly serviceCidr: string;
  readonly flags: readonly string[];
  port(): Promise<number>;
}

export interface ApiServer {
  readonly server: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** A port found free can be gone when the server wants it, a second later; three in a row are no accident. */
const ATTEMPTS = 3;
/** Seconds a server on a loaded machine may take to be ready; three are usual. */
const PATIENCE_SECONDS = 60;

export async function startApiServer(program: string, options: ApiServerOptions): Promise<ApiServer> {
  const log = join(options.folder, 'log', 'kube-apiserver.log');
  for (let attempt = 1; ; attempt += 1) {
    const port = await options.port();
    const start = () => startDaemon(program, flagsOf(options, port), { log });
    let daemon = start();
    const ready = () => untilReady(daemon, options, port);
    try {
      await ready();
    } catch (cause) {
      await daemon.kill();
      if (attempt < ATTEMPTS && daemon.log().includes('address already in use')) continue;
      throw cause;
    }
    return {
      server: `https://${options.address}:${port}`,
      start: async () => {
        if (daemon.ended()) daemon = start();
        await ready();
      },
      stop: () => daemon.kill(),
      signal: (signal) => daemon.signal(signal),
    };
  }
}

function flagsOf(options: ApiServerOptions, port: number): string[] {
  const { address, authority, pairs, serviceAccountKeys, serviceCidr } = options;
  const onLoopback = address.startsWith('127.');
  // The API server refuses to be advertised at loopback; without nodes nobody asks where it is.
  const place = onLoopback
    ? ['--advertise-address', serviceCidr.replace(/\d+\/\d+$/, '2'), '--endpoint-reconciler-type', 'none']
    : ['--advertise-address', address];
  return [
    ...['--etcd-servers', `unix://${options.etcd}`, '--service-cluster-ip-range', serviceCidr],
    ...['--bind-address', onLoopback ? address : '0.0.0.0', '--secure-port', String(port), ...place],
    ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction'],
    ...['--client-ca-file', authority.certificateFile],
    ...['--tls-cert-file', pairs.server.certificateFile, '--tls-private-key-file', pairs.server.keyFile],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-key-file', serviceAccountKeys.publicFile],
    ...['--service-account-signing-key-file', serviceAccountKeys.privateFile],
    ...['--kubelet-client-certificate', pairs.admin.certificateFile, '--kubelet-client-key', pairs.admin.keyFile],
    // Without it "kubectl logs" looks the node's name up in DNS.
    ...['--kubelet-preferred-address-types', 'InternalIP'],
    ...aggregationFlags(authority, pairs.frontProxy),
    ...options.flags,
  ];
}

/** What lets an APIService such as metrics-server answer behind this server. */
const aggregationFlags = (authority: Authority, frontProxy: KeyPair): string[] => [
  ...['--requestheader-client-ca-file', authority.certificateFile],
  ...['--requestheader-allowed-names', 'front-proxy-client'],
  ...['--requestheader-username-headers', 'X-Remote-User', '--requestheader-group-headers', 'X-Remote-Group'],
  ...['--requestheader-extra-headers-prefix', 'X-Remote-Extra-'],
  ...['--proxy-client-cert-file', frontProxy.certificateFile, '--proxy-client-key-file', frontProxy.keyFile],
];

async function untilReady(daemon: Daemon, options: ApiServerOptions, port: number): Promise<void> {
  // The authority is this cluster's own, so that another cluster's server on this port does not count.
  const server = `https://${options.address}:${port}`;
  const { ask, close } = apiRequestOf(server, options.authority.certificate, options.pairs.admin);
  const lastWords = () => `The last words of kube-apiserver:\n${daemon.log().split('\n').slice(-12).join('\n')}`;
  const isReady = async () => {
    if (daemon.ended()) throw new Error(`kube-apiserver ended. ${lastWords()}`);
    return (await ask('/readyz')).status === 200;
  };
  await until('kube-apiserver is ready', isReady, { seconds: PATIENCE_SECONDS, detail: lastWords }).finally(close);
}
