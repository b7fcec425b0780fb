/** The relay's own small web server: /livez, /readyz, /metrics and /status. No secret and no address of anybody is in any of them. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type HttpAnswers = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;

export function plain(status: number, text: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` };
}

export function json(value: unknown): HttpAnswer {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value, undefined, 2)}\n` };
}

export interface HttpServer {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

/** Rejects when the address cannot be listened on. */
export async function startHttp(listen: { host: string; port: number }, answers: HttpAnswers): Promise<HttpServer> {
  const server: Server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '/';
    void answerOf(request.method, answers[path], Object.keys(answers)).then((answer) => {
      response.writeHead(answer.status, { 'content-type': answer.contentType, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : answer.body);
    });
  });
  // Probes and scrapes are short; a client that keeps a request open for longer is no such thing.
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: listen.host, port: listen.port }, () => resolve());
  });
  return {
    address: server.address() as AddressInfo,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerOf(
  method: string | undefined,
  answer: HttpAnswers[string] | undefined,
  paths: string[],
): Promise<HttpAnswer> {
  if (answer === undefined) return plain(404, `There is ${paths.join(', ')}`);
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'GET or HEAD only');
  try {
    return await answer();
  } catch (error) {
    return plain(500, error instanceof Error ? error.message : 'failed');
  }
}
