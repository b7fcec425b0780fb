/** Relay pods are asked over real HTTP, among them some that do not behave. */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { askPods } from '../../../operator/pods/ask-pods.ts';
import type { RelayPod } from '../../../operator/rollout/pods.ts';

const STATUS = {
  podUid: 'u1',
  formats: [1],
  wanted: 'r2',
  running: 'r1',
  refused: { revision: 'r2', reason: 'it has no host' },
  findings: [{ type: 'NextHopRefusesUs', subject: 'TenantRoute one', message: 'relaying denied', since: 'x' }],
  connections: 3,
};
const NOW = 1_700_000_000_000;

const servers: Server[] = [];

async function serve(host: string, port: number, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  const closing = servers.splice(0).map((server) => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  await Promise.all(closing);
});

const answer =
  (body: string): RequestListener =>
  (request, response) => {
    response.writeHead(request.url === '/status' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(body);
  };

function pod(ip: string | undefined, uid = 'u1'): RelayPod {
  return {
    name: uid,
    uid,
    ip,
    node: 'n1',
    ready: true,
    terminating: false,
    restarts: 0,
    created: NOW,
    annotatedRevision: undefined,
    waiting: undefined,
  };
}

async function askOne(listener: RequestListener, timeoutMs = 2000) {
  const port = await serve('127.0.0.1', 0, listener);
  return await askPods([pod('127.0.0.1')], { port, timeoutMs, now: () => NOW });
}

describe('askPods', () => {
  it('gives the answer of a pod with the time of the question', async () => {
    expect(await askOne(answer(JSON.stringify(STATUS)))).toEqual(
      new Map([
        [
          'u1',
          {
            uid: 'u1',
            at: NOW,
            formats: [1],
            wanted: 'r2',
            running: 'r1',
            refused: { revision: 'r2', reason: 'it has no host' },
            findings: [{ type: 'NextHopRefusesUs', subject: 'TenantRoute one', message: 'relaying denied' }],
          },
        ],
      ]),
    );
  });

  it('asks over IPv6', async () => {
    const port = await serve('::1', 0, answer(JSON.stringify(STATUS)));
    const answers = await askPods([pod('::1')], { port, now: () => NOW });
    expect([...answers.keys()]).toEqual(['u1']);
  });

  it('discards the answer of another pod, which has the address now', async () => {
    expect(await askOne(answer(JSON.stringify({ ...STATUS, podUid: 'u2' })))).toEqual(new Map());
  });

  it.each([
    ['no JSON', 'not found'],
    ['another shape', '{"podUid":"u1"}'],
    ['nothing', ''],
    ['more than anything of ours', JSON.stringify({ ...STATUS, filler: 'x'.repeat(1_100_000) })],
  ])('takes %s for no answer', async (_, body) => {
    expect(await askOne(answer(body))).toEqual(new Map());
  });

  it('takes an error for no answer, and follows nobody elsewhere', async () => {
    const failing: RequestListener = (_, response) => response.writeHead(500).end(JSON.stringify(STATUS));
    expect(await askOne(failing)).toEqual(new Map());
    const port = await serve('127.0.0.1', 0, answer(JSON.stringify(STATUS)));
    const moved: RequestListener = (_, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${port}/status` }).end();
    expect(await askOne(moved)).toEqual(new Map());
  });

  it('stops reading an answer that does not end', async () => {
    let sent = 0;
    const endless: RequestListener = (_, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20))) sent += 65_536;
        sent += 65_536;
      };
      response.on('drain', more);
      more();
    };
    expect(await askOne(endless, 60_000)).toEqual(new Map());
    // What fits into the buffers of two sockets besides.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it('does not let pods that never answer keep the others from being heard', async () => {
    const port = await serve('127.0.0.1', 0, answer(JSON.stringify(STATUS)));
    await serve('127.0.0.2', port, () => undefined);
    await serve('127.0.0.3', port, (_, response) => {
      response.writeHead(200);
      response.write('{"podUid":');
    });
    const pods = [pod('127.0.0.2', 'u2'), pod('127.0.0.3', 'u3'), pod(undefined, 'u4'), pod('127.0.0.1')];
    const answers = await askPods(pods, { port, timeoutMs: 300, now: () => NOW });
    expect([...answers.keys()]).toEqual(['u1']);
  });

  it('takes a pod where nobody listens for no answer', async () => {
    const port = await serve('127.0.0.2', 0, answer(''));
    expect(await askPods([pod('127.0.0.1')], { port, now: () => NOW })).toEqual(new Map());
  });

  it('asks at most 32 at once, and all of them', async () => {
    let open = 0;
    let most = 0;
    const port = await serve('127.0.0.1', 0, (_, response) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        response.end(JSON.stringify(STATUS));
      });
    });
    const pods = Array.from({ length: 100 }, (_, at) => pod('127.0.0.1', at % 2 === 0 ? 'u1' : `u${at + 2}`));
    let asked = 0;
    const count: typeof fetch = (input, init) => {
      asked += 1;
      return fetch(input, init);
    };
    const answers = await askPods(pods, { port, now: () => NOW, fetch: count });
    expect([...answers.keys()]).toEqual(['u1']);
    expect(asked).toBe(100);
    expect(most).toBeLessThanOrEqual(32);
  });
});
