/** A front that believes load balancers at 127.0.0.2, and clients that say a PROXY line before anything else. */

import { connect } from 'node:net';
import type { ProxyProtocolConfig } from '../../../relay/core/config.ts';
import type { FrontOptions } from '../../../relay/smtp/front.ts';
import type { RefusedConnection } from '../../../relay/smtp/front-events.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { start } from './front-fixture.ts';

export const BALANCER = '127.0.0.2';
export const ELSEWHERE = '127.0.0.3';

/** The line for a client at this address. */
export const line = (address: string, port = 50_000): string =>
  `PROXY ${address.includes(':') ? `TCP6 ${address} 2001:db8::25` : `TCP4 ${address} 192.0.2.25`} ${port} 25\r\n`;

export async function startBehind(
  mode: ProxyProtocolConfig['mode'],
  limits: Parameters<typeof start>[0] = {},
  more: Partial<FrontOptions> = {},
) {
  const refused: RefusedConnection[] = [];
  const failures: unknown[] = [];
  const opened = { count: 0 };
  const proxyProtocol: ProxyProtocolConfig = { mode, trustedCIDRs: [`${BALANCER}/32`, '2001:db8:1::/64'] };
  const started = await start(limits, {
    proxyProtocol: () => proxyProtocol,
    events: {
      connectionOpened: () => opened.count++,
      connectionRefused: (reason) => refused.push(reason),
      failed: (error) => failures.push(error),
    },
    ...more,
  });
  /** Connects and writes, in one go. */
  const say = async (bytes: string, localAddress = BALANCER): Promise<RawSmtp> => {
    const client = await started.open(localAddress);
    client.write(bytes);
    return client;
  };
  /** As far as EHLO's answer. */
  const behind = async (address: string): Promise<RawSmtp> => {
    const client = await say(line(address));
    await client.read();
    await client.command('EHLO client.example');
    return client;
  };
  const { port } = started;
  /** Connects and is gone, as health checks are. */
  const look = (how: 'end' | 'reset'): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress: BALANCER }, () =>
        how === 'end' ? socket.end() : socket.resetAndDestroy(),
      );
      socket.on('error', reject);
      socket.resume();
      socket.on('close', () => resolve());
    });
  return { ...started, refused, failures, opened, say, behind, look };
}
