/** The API server as the operator uses it: plain JSON over few connections, and every failure a value. */

import { systemClock } from './clock.ts';
import type { Api, ApiAnswer, ApplyOptions, KubeObject, ResourceType, Watch, WatchRequest } from './api.ts';
import { type ConnectionOptions, openConnection } from './connection.ts';
import type { KubeMetrics } from './metrics.ts';
import { readPages } from './pages.ts';
import { collectionPath, objectPath, versionPath } from './path.ts';
import { startReflector, type WatchTiming } from './reflector.ts';
import { type Call, type Lane, Transport } from './transport.ts';

export interface ConnectOptions extends ConnectionOptions {
  readonly userAgent?: string;
  readonly metrics?: KubeMetrics;
  readonly watchTiming?: Partial<WatchTiming>;
}

export interface Kube extends Api {
  readonly server: string;
  /** The context's namespace, or the pod's own. */
  readonly ownNamespace: string;
  watch(request: WatchRequest): Watch;
  /** The same server for what must neither wait behind others nor wait long. */
  direct(timeoutMs: number): Api;
  /** Stops its watches and waits for calls under way. */
  close(): Promise<void>;
}

/** Owns what the operator writes, however it is written. */
const FIELD_MANAGER = 'isthmus';
const ORDINARY: Lane = { timeoutMs: 30_000, queued: true };

/** Throws when the configuration is unreadable or names no cluster; the server itself is not asked. */
export function connect(options: ConnectOptions = {}): Kube {
  const connection = openConnection(options);
  const transport = new Transport({
    connection,
    clock: systemClock,
    random: Math.random,
    userAgent: options.userAgent ?? FIELD_MANAGER,
    metrics: options.metrics,
  });
  const watches = new Set<Watch>();
  return {
    ...apiOver(transport, ORDINARY),
    server: connection.server,
    ownNamespace: connection.ownNamespace,
    watch(request) {
      const watch = startReflector(transport, request, options.metrics, options.watchTiming);
      watches.add(watch);
      return watch;
    },
    direct: (timeoutMs) => apiOver(transport, { timeoutMs, queued: false }),
    close() {
      for (const watch of watches) watch.stop();
      return connection.close();
    },
  };
}

function apiOver(transport: Transport, lane: Lane): Api {
  const send = async (call: Call) => (await transport.json(call, lane)) as ApiAnswer<KubeObject>;
  const at = (type: ResourceType, { metadata }: KubeObject) => objectPath(type, metadata.namespace, metadata.name);
  const apply = async (path: string, object: KubeObject, { manager, force }: ApplyOptions) => {
    const answer = await send({
      method: 'PATCH',
      path,
      query: { fieldManager: manager, force: String(force) },
      body: object,
      // JSON is YAML, and every server since 1.16 knows this name.
      contentType: 'application/apply-patch+yaml',
      repeatable: true,
    });
    // The server names fields and their owners, but not the object.
    return answer.ok || answer.reason !== 'Conflict'
      ? answer
      : { ...answer, message: `${titleOf(object)}: ${answer.message}` };
  };
  const writer = { fieldManager: FIELD_MANAGER };
  return {
    get: (type, namespace, name) => send({ method: 'GET', path: objectPath(type, namespace, name), repeatable: true }),
    async list(type, namespace, selection) {
      let objects: KubeObject[] = [];
      const request = { type, namespace, labelSelector: selection?.labelSelector };
      const add = (page: readonly KubeObject[]) => void objects.push(...page);
      const end = await readPages(transport, lane, request, add, () => {
        objects = [];
      });
      return end.ok ? { ok: true, value: objects } : end;
    },
    create: (type, object) =>
      send({ method: 'POST', path: collectionPath(type, object.metadata.namespace), query: writer, body: object }),
    update: (type, object) => send({ method: 'PUT', path: at(type, object), query: writer, body: object }),
    apply: (type, object, how) => apply(at(type, object), object, how),
    applyStatus: (type, object, how) => apply(`${at(type, object)}/status`, object, how),
    merge: (type, namespace, name, patch) =>
      send({
        method: 'PATCH',
        path: objectPath(type, namespace, name),
        query: writer,
        body: patch,
        contentType: 'application/merge-patch+json',
      }),
    async remove(type, namespace, name, only) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: only, propagationPolicy: 'Background' };
      const answer = await send({ method: 'DELETE', path: objectPath(type, namespace, name), body });
      return answer.ok ? { ok: true, value: undefined } : answer;
    },
    async discover(apiVersion) {
      const answer = await transport.json({ method: 'GET', path: versionPath(apiVersion), repeatable: true }, lane);
      if (!answer.ok) return answer.status === 404 ? { ok: true, value: [] } : answer;
      const { resources } = answer.value as { readonly resources?: readonly { readonly name: string }[] };
      const names = (resources ?? []).map(({ name }) => name);
      return { ok: true, value: names.filter((name) => !name.includes('/')) };
    },
  };
}

function titleOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}
