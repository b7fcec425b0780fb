/** Opens a TCP connection to one address, or says why not. */

import { connect, type Socket } from 'node:net';

export type Dialled = { readonly ok: true; readonly socket: Socket } | { readonly ok: false; readonly cause: string };

/** Cloud load balancers drop idle flows after four minutes without a word. */
const KEEP_ALIVE_MS = 30_000;

export function dial(address: string, port: number, milliseconds: number): Promise<Dialled> {
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      // Every write is a whole group of commands or a whole message: holding it back only costs time.
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    const failed = (error: Error) => settle({ ok: false, cause: error.message });
    const timer = setTimeout(() => settle({ ok: false, cause: 'no connection in time' }), Math.max(1, milliseconds));
    const settle = (dialled: Dialled) => {
      clearTimeout(timer);
      // An error that comes after this one must not end the process.
      if (!dialled.ok) socket.on('error', () => {}).destroy();
      socket.off('error', failed);
      resolve(dialled);
    };
    socket.once('error', failed);
    socket.once('connect', () => settle({ ok: true, socket }));
  });
}
