/** One cluster as a kubeconfig or a pod's service account names it: its address, and what each request must carry. */

import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Cluster, type DispatcherOptions, HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';

export interface ConnectionOptions {
  /** A file. Without it: $KUBECONFIG, else the pod's service account when there is one, else ~/.kube/config. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly inCluster?: boolean;
  /** Before /var/run/secrets/kubernetes.io/serviceaccount, for who runs outside a pod with a pod's files. */
  readonly serviceAccountRoot?: string;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

export interface Connection {
  /** `https://10.0.0.1:443`, with a path where the API server is behind one. */
  readonly server: string;
  /** The context's, or the pod's. */
  readonly ownNamespace: string;
  /** Asked for each request: tokens, certificates and CA files are replaced while we run. Rejects when they cannot be read. */
  credentials(): Promise<Credentials>;
  /** Waits for requests under way. */
  close(): Promise<void>;
}

/** What client-node takes when it finds nothing, and then refuses at every call for its missing TLS. */
const NOBODY = 'http://localhost:8080';
const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

type Tls = Parameters<KubeConfig['createDispatcherOptions']>[1];

/**
 * client-node makes a dispatcher, and so a TLS connection, for every call. This one lets it make another only when
 * what it would be made of has changed.
 */
class SharedConfig extends KubeConfig {
  #made: DispatcherOptions | undefined;

  override createDispatcherOptions(cluster: Cluster | null, tls: Tls): DispatcherOptions {
    const options = super.createDispatcherOptions(cluster, tls);
    if (isDeepStrictEqual(options, this.#made)) return { type: 'none' };
    this.#made = options;
    if (options.type !== 'agent') return options;
    // HTTP/2 would put every watch on one connection, and one lost packet or half-open socket would stop them all.
    return { ...options, connect: { ...options.connect, allowH2: false } as typeof options.connect };
  }
}

/** Throws, in words for who wrote it, when the configuration names no cluster. */
export function openConnection(options: ConnectionOptions): Connection {
  const config = load(options);
  const cluster = config.getCurrentCluster();
  if (cluster?.server === NOBODY)
    throw new Error('there is no kubeconfig, and this is no pod: name one with --kubeconfig');
  if (cluster === null) {
    const place = options.kubeconfig ?? 'the kubeconfig';
    throw new Error(`${place} has no cluster for its context ${JSON.stringify(config.getCurrentContext() ?? '')}`);
  }
  let dispatcher: Dispatcher | undefined;
  return {
    server: cluster.server,
    ownNamespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() || 'default',
    async credentials() {
      const context = new RequestContext(cluster.server, HttpMethod.GET);
      await config.applySecurityAuthentication(context);
      const made = context.getDispatcher();
      if (made !== undefined) {
        // Its last watch ends within minutes; nothing of it is cut.
        void dispatcher?.close();
        dispatcher = made;
      }
      dispatcher ??= new Agent({ allowH2: false });
      return { headers: context.getHeaders(), dispatcher };
    },
    close: async () => dispatcher?.close(),
  };
}

function load(options: ConnectionOptions): KubeConfig {
  const config = new SharedConfig();
  const root = options.serviceAccountRoot ?? '';
  try {
    if (options.kubeconfig !== undefined) config.loadFromFile(options.kubeconfig);
    else if (options.inCluster ?? isInPod(options)) config.loadFromCluster(root);
    else config.loadFromDefault();
  } catch (cause) {
    const place = options.kubeconfig ?? process.env['KUBECONFIG'] ?? 'the kubeconfig';
    throw new Error(`${place} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  return config;
}

/** Who names a context or a file means that one, in a pod as well. */
function isInPod({ context, serviceAccountRoot = '' }: ConnectionOptions): boolean {
  const { KUBECONFIG = '', KUBERNETES_SERVICE_HOST: host } = process.env;
  return (
    context === undefined && KUBECONFIG === '' && host !== undefined && existsSync(serviceAccountRoot + TOKEN_FILE)
  );
}
