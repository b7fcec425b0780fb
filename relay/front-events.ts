/** Counts what the receiving front reports. */

import type { ConnectionRefusal, Metrics } from './metrics/metrics.ts';
import type { FrontEvents, RefusedConnection } from './smtp/front-events.ts';
import type { Log } from './tracking/tracking.ts';

const REFUSALS: Readonly<Record<RefusedConnection, ConnectionRefusal>> = {
  connections: 'connections',
  connectionsPerClient: 'connections_per_client',
  session: 'not_ready',
  earlyTalker: 'early_talker',
  draining: 'draining',
  proxyUntrusted: 'proxy_untrusted',
  proxyRequired: 'proxy_required',
  proxyHeader: 'proxy_header',
  proxyVersion2: 'proxy_version_2',
};

export function frontEvents(metrics: Metrics, log: Log): FrontEvents {
  return {
    connectionOpened: () => {
      metrics.connections.add();
      metrics.connectionsAccepted.add();
    },
    connectionClosed: () => metrics.connections.add(-1),
    connectionRefused: (reason) => metrics.connectionsRefused[REFUSALS[reason]].add(),
    command: (_verb, code) => metrics.replies[classOf(code)].add(),
    tlsEstablished: () => metrics.handshakes.client.ok.add(),
    tlsFailed: () => metrics.handshakes.client.failed.add(),
    failed: (error) => log.error('a session failed', { error }),
  };
}

function classOf(code: number) {
  if (code >= 500) return 'permanent';
  if (code >= 400) return 'transient';
  return code >= 300 ? 'intermediate' : 'success';
}
