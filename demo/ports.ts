/** Finds ports on loopback that nobody listens on. */

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// From 32768 on Linux takes the ports of outgoing connections: below, a port found free stays free until it is used.
const FIRST = 10_000;
const LAST = 32_767;
const ATTEMPTS = 100;

/** The preferred port when it is free, else one by chance: two demos at once do not meet. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port on 127.0.0.1 among ${ATTEMPTS} tried between ${FIRST} and ${LAST}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise: listening, resolve } = Promise.withResolvers<boolean>();
  server.once('listening', () => resolve(true));
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1');
  if (!(await listening)) return false;
  const closed = once(server, 'close');
  server.close();
  await closed;
  return true;
}
