/** The address on which a pod takes connections of both families. */

import { createServer } from 'node:net';

/** `::` takes IPv4 as well; a kernel without IPv6 has only `0.0.0.0`. */
export async function everyAddress(): Promise<'::' | '0.0.0.0'> {
  const probe = createServer();
  const taken = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen({ host: '::', port: 0 }, () => resolve(true));
  });
  if (!taken) return '0.0.0.0';
  await new Promise((resolve) => probe.close(resolve));
  return '::';
}
