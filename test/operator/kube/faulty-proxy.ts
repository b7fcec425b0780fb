/** A proxy in front of a real API server that counts, holds back and breaks what passes, as a test tells it. */

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { writeKubeconfig } from '../../cluster/authority.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** Instead of the server's answer. `pass`: the server's, and nothing is broken. */
export type Fault =
  | 'pass'
  | 'reset'
  | { readonly status: number; readonly reason?: string; readonly retryAfter?: string }
  /** A watch that has this to say, and ends. */
  | { readonly lines: string };

/** A watch on its way through. */
export interface PassingWatch {
  /** Ends it as a server does whose time is up. */
  close(): void;
  /** Says this and then ends it. */
  say(text: string): void;
  reset(): void;
  /** Nothing passes any more, and nobody is told. */
  swallow(): void;
}

export interface FaultyProxy {
  /** Path of a kubeconfig that leads here. The administrator's rights. */
  readonly kubeconfig: string;
  readonly server: string;
  /** Everything that was asked, also what was answered by a fault. */
  readonly asked: readonly Asked[];
  connections(): number;
  watches(): readonly PassingWatch[];
  /** What the next requests meet, one after the other; afterwards they pass. */
  next(faults: readonly Fault[], only?: (asked: Asked) => boolean): void;
  /** Requests wait from now on. What it returns lets them go on. */
  hold(): () => void;
  stop(): Promise<void>;
}

export async function faultyProxy(cluster: ControlPlane): Promise<FaultyProxy> {
  const pair = await cluster.authority.issue('faulty-proxy', '/O=system:masters/CN=faulty-proxy', ['127.0.0.1']);
  const tls = { cert: readFileSync(pair.certificateFile), key: readFileSync(pair.keyFile) };
  const upstream = new Agent({ ...tls, ca: cluster.authority.certificate, keepAlive: true });
  const asked: Asked[] = [];
  const sockets = new Set<Socket>();
  const watches = new Set<PassingWatch>();
  let connections = 0;
  let faults: Fault[] = [];
  let isMeant: (asked: Asked) => boolean = () => true;
  let held: Promise<void> = Promise.resolve();

  const pass = (from: IncomingMessage, to: ServerResponse, isWatch: boolean) => {
    const { host: _host, authorization: _authorization, ...headers } = from.headers;
    const up = request(`${cluster.server}${from.url}`, { agent: upstream, method: from.method, headers });
    up.on('error', () => to.destroy());
    up.on('response', (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('error', () => to.destroy());
      if (isWatch) watches.add(passingWatch(answer, to));
      else answer.pipe(to);
    });
    to.on('close', () => up.destroy());
    from.pipe(up);
  };

  const passingWatch = (answer: IncomingMessage, to: ServerResponse): PassingWatch => {
    const watch: PassingWatch = {
      close: () => last(() => to.end()),
      say: (text) => last(() => to.end(text)),
      reset: () => last(() => to.destroy()),
      swallow: () => void answer.off('data', forward),
    };
    const forward = (chunk: Buffer) => void to.write(chunk);
    const last = (act: () => void) => {
      watches.delete(watch);
      watch.swallow();
      act();
    };
    // Headers are on their way before the first change is.
    to.flushHeaders();
    answer.on('data', forward);
    answer.on('end', () => to.end());
    to.on('close', () => watches.delete(watch));
    return watch;
  };

  const server = createServer(tls, (from, to) => {
    const url = new URL(from.url ?? '', 'https://proxy');
    const what = { method: from.method ?? '', path: url.pathname, query: url.searchParams, headers: from.headers };
    asked.push(what);
    void held.then(() => {
      const fault = isMeant(what) ? (faults.shift() ?? 'pass') : 'pass';
      if (fault === 'pass') pass(from, to, url.searchParams.has('watch'));
      else strike(fault, to);
    });
  });
  server.on('secureConnection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ca = cluster.authority.certificate;
  const kubeconfig = join(cluster.folder, 'faulty-proxy.kubeconfig');
  return {
    kubeconfig: writeKubeconfig(kubeconfig, { server: address, ca, credentials: { token: 'read-by-the-proxy' } }),
    server: address,
    asked,
    connections: () => connections,
    watches: () => [...watches],
    next(wanted, only = () => true) {
      faults = [...wanted];
      isMeant = only;
    },
    hold() {
      const gate = Promise.withResolvers<void>();
      held = gate.promise;
      return gate.resolve;
    },
    async stop() {
      upstream.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function strike(fault: Exclude<Fault, 'pass'>, to: ServerResponse): void {
  if (fault === 'reset') {
    to.destroy();
  } else if ('lines' in fault) {
    to.writeHead(200, { 'content-type': 'application/json' });
    to.end(fault.lines);
  } else {
    const { status, reason, retryAfter } = fault;
    to.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    });
    const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'by the proxy', reason, code: status };
    to.end(JSON.stringify(body));
  }
}
