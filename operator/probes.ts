/** The operator's own small web servers: /metrics on one port, /healthz and /readyz on the other. */

import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface ProbesOptions {
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly metrics: Registry;
  readonly isReady: () => boolean;
  readonly isAlive: () => boolean;
}

/** Rejects when a port cannot be listened on. */
export async function startProbes(options: ProbesOptions): Promise<{ close(): Promise<void> }> {
  const { metrics, isReady, isAlive } = options;
  const verdict = (good: boolean) => ({ status: good ? 200 : 503, type: 'text/plain', body: good ? 'ok\n' : 'no\n' });
  const servers = await Promise.all([
    listen(options.metricsPort, {
      '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() }),
    }),
    listen(options.healthPort, {
      '/healthz': () => Promise.resolve(verdict(isAlive())),
      '/readyz': () => Promise.resolve(verdict(isReady())),
    }),
  ]);
  return { close: async () => void (await Promise.all(servers.map(close))) };
}

type Answers = Readonly<Record<string, () => Promise<{ status: number; type: string; body: string }>>>;

async function listen(port: number, answers: Answers): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = answers[request.url?.split('?')[0] ?? '/'];
    if (answer === undefined) {
      response.writeHead(404).end(`There is ${Object.keys(answers).join(', ')}\n`);
      return;
    }
    answer().then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return server;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
