/** Finds a loopback port that nobody listens on and that the kernel gives to nobody's outgoing connection. */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Linux takes the ports of outgoing connections from 32768 on: below it a port found free stays free until it is used.
const FIRST = 10_000;
const LAST = 32_767;

export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if (await isFree(host, port)) return port;
  }
  throw new Error(`no free port on ${host} among 100 tried between ${FIRST} and ${LAST}`);
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
