/** The TCP ports on which a fleet reaches the mail systems it delivers to. */

import type { NextHopConfig, RelayConfig } from '../../relay/core/config.ts';

/** RFC 5321 §4.5.4.2: hosts that are found by MX listen on it. */
const SMTP_PORT = 25;

/** Sorted, each once. */
export function nextHopPorts({ fleet, tenantRoutes }: RelayConfig): number[] {
  const { outbound } = fleet;
  const ports = tenantRoutes.flatMap(({ nextHop }) => portsOf(nextHop));
  ports.push(...(outbound.route === 'SmartHost' ? portsOf(outbound.smartHost) : [SMTP_PORT]));
  return [...new Set(ports)].sort((a, b) => a - b);
}

function portsOf({ hosts = [], mxOf }: NextHopConfig): number[] {
  return [...hosts.map(({ port }) => port), ...(mxOf === undefined ? [] : [SMTP_PORT])];
}
