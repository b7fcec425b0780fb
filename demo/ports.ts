/** Finds ports on loopback that nobody listens on. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** The preferred port when it is free, else one that the system chooses. */
export async function freePort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? preferred;
}

async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer();
  const listening = once(server, 'listening').then(() => true);
  const refused = once(server, 'error').then(() => false);
  server.listen(port, '127.0.0.1');
  if (!(await Promise.race([listening, refused]))) return undefined;
  const { port: found } = server.address() as AddressInfo;
  const closed = once(server, 'close');
  server.close();
  await closed;
  return found;
}
